<?php

declare(strict_types=1);

namespace StreamingDaemon;

/**
 * The options and the environment, as the contract lists them for every daemon.
 *
 * The table in DEFAULTS is all there is to know about an option: what it is called,
 * what it is without being given, and what --help says. Times are seconds.
 */
final class Options
{
    private const DEFAULTS = [
        'socket' => ['', 'PATH', 'listen for handoffs here'],
        'socket-mode' => ['0660', 'OCTAL', 'permissions of the socket'],
        'max-connections' => ['10000', 'N', 'hold at most this many clients'],
        'format' => ['simple', 'simple|openai', 'the text alone, or the API\'s chunks'],
        'handoff-timeout' => ['5', 'SECONDS', 'for a peer that connected to send its handoff'],
        'connect-timeout' => ['10', 'SECONDS', 'for a connection to the API'],
        'first-byte-timeout' => ['60', 'SECONDS', 'for the API to begin its answer'],
        'idle-timeout' => ['60', 'SECONDS', 'for the API to go on with its answer'],
        'write-timeout' => ['60', 'SECONDS', 'for a client to read something'],
        'shutdown-timeout' => ['30', 'SECONDS', 'for running streams after SIGTERM'],
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
     * @return self|null null when --help was asked for
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
                throw new UsageError("$argument is no option of this daemon: --help lists them");
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

    /** What --help prints. */
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
