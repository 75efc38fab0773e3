<?php

declare(strict_types=1);

namespace StreamingDaemon;

/**
 * The options and the environment. The contract lists them for every daemon.
 *
 * The table DEFAULTS has each option's name, default value and help text. Times are in seconds.
 */
final class Options
{
    private const DEFAULTS = [
        'socket' => ['', 'PATH', 'listen for handoffs here'],
        'socket-mode' => ['0660', 'OCTAL', 'permissions of the socket'],
        'max-connections' => ['10000', 'N', 'hold at most this many clients'],
        'format' => ['simple', 'simple|openai', 'send the text alone, or the API\'s chunks'],
        'handoff-timeout' => ['5', 'SECONDS', 'until a connected peer must have sent its handoff'],
        'connect-timeout' => ['10', 'SECONDS', 'until a connection to the API must be ready'],
        'first-byte-timeout' => ['60', 'SECONDS', 'until the API must begin its answer'],
        'idle-timeout' => ['60', 'SECONDS', 'that the API may be silent within its answer'],
        'write-timeout' => ['60', 'SECONDS', 'that a client may read nothing'],
        'shutdown-timeout' => ['30', 'SECONDS', 'that running streams may take after SIGTERM'],
    ];

    private function __construct(
        public readonly string $socket,
        public readonly int $socketMode,
        public readonly int $maxConnections,
        public readonly Format $format,
        public readonly float $handoffTimeout,
        public readonly float $connectTimeout,
        public readonly float $firstByteTimeout,
        public readonly float $idleTimeout,
        public readonly float $writeTimeout,
        public readonly float $shutdownTimeout,
        public readonly Api $api,
    ) {
    }

    /**
     * @param list<string> $arguments without the program's name
     * @param array<string, string> $environment as getenv() returns it
     * @return self|null null for --help
     * @throws UsageError
     */
    public static function parse(array $arguments, array $environment): ?self
    {
        $given = [];
        while ($arguments !== []) {
            $argument = array_shift($arguments);
            if ($argument === '--help' || $argument === '-h') {
                return null;
            }
            [$name, $value] = explode('=', $argument, 2) + [1 => null];
            $name = str_starts_with($name, '--') ? substr($name, 2) : '';
            if (!isset(self::DEFAULTS[$name])) {
                throw new UsageError("$argument is not an option of this daemon: --help lists the options");
            }
            $given[$name] = $value ?? array_shift($arguments)
                ?? throw new UsageError("--$name: expected a value after it");
        }
        $given += array_map(static fn (array $option): string => $option[0], self::DEFAULTS);
        if ($given['socket'] === '') {
            throw new UsageError('--socket is missing: give the path to listen on');
        }
        return new self(
            $given['socket'],
            self::octal($given['socket-mode']),
            self::count($given['max-connections']),
            Format::tryFrom($given['format'])
                ?? throw new UsageError("--format is \"{$given['format']}\": expected simple or openai"),
            self::seconds($given, 'handoff-timeout'),
            self::seconds($given, 'connect-timeout'),
            self::seconds($given, 'first-byte-timeout'),
            self::seconds($given, 'idle-timeout'),
            self::seconds($given, 'write-timeout'),
            self::seconds($given, 'shutdown-timeout'),
            Api::fromEnvironment($environment),
        );
    }

    /** Returns the text of --help. */
    public static function usage(string $program): string
    {
        $text = "Usage: $program --socket PATH [options]\n\n";
        foreach (self::DEFAULTS as $name => [$default, $value, $meaning]) {
            $default = $default === '' ? '' : " (default $default)";
            $text .= sprintf("  %-32s %s%s\n", "--$name $value", $meaning, $default);
        }
        return $text . "\nFrom the environment: OPENAI_API_BASE, OPENAI_API_KEY, OPENAI_API_SOCKET,\n"
            . "OPENAI_HTTP2_ENABLED, OPENAI_CA_FILE, OPENAI_INSECURE_SSL.\n";
    }

    private static function octal(string $text): int
    {
        if (!preg_match('/^0*[0-7]{1,3}$/D', $text)) {
            throw new UsageError("--socket-mode is \"$text\": expected octal permissions such as 0660");
        }
        return (int) octdec($text);
    }

    private static function count(string $text): int
    {
        if (!preg_match('/^[1-9][0-9]{0,8}$/D', $text)) {
            throw new UsageError("--max-connections is \"$text\": expected a number from 1");
        }
        return (int) $text;
    }

    /** @param array<string, string> $given */
    private static function seconds(array $given, string $name): float
    {
        if (!preg_match('/^([0-9]{1,9}(\.[0-9]*)?|\.[0-9]+)$/D', $given[$name])) {
            throw new UsageError("--$name is \"$given[$name]\": expected seconds, such as 2 or 0.5");
        }
        return (float) $given[$name];
    }
}
