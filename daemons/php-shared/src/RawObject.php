<?php

declare(strict_types=1);

namespace StreamingDaemon;

/**
 * A JSON object whose values keep their JSON text.
 *
 * Numbers keep their digits, and strings their escapes. json_decode would change them: 1e400 becomes
 * INF, and {} becomes []. So json_decode only validates the text. The parser then finds the members
 * by their brackets and quotes, which is simple in valid JSON.
 */
final class RawObject
{
    private const SPACE = " \t\r\n";

    /** @param array<string, string> $members JSON texts by name; "x" before each name keeps it a string */
    private function __construct(private array $members = [])
    {
    }

    public static function empty(): self
    {
        return new self();
    }

    /**
     * @param bool $unique a duplicate name is an error; otherwise the last one counts
     * @throws \UnexpectedValueException when the text is not such an object
     */
    public static function parse(string $json, bool $unique = false): self
    {
        try {
            Json::decode($json);
        } catch (\JsonException) {
            throw new \UnexpectedValueException('expected valid JSON');
        }
        $json = trim($json, self::SPACE);
        if ($json[0] !== '{') {
            throw new \UnexpectedValueException('expected a JSON object');
        }
        $object = new self();
        foreach (self::split($json) as $part) {
            $length = self::stringLength($part);
            $name = (string) Json::decode(substr($part, 0, $length));
            if ($unique && isset($object->members["x$name"])) {
                throw new \UnexpectedValueException('expected each field once, found "' . $name . '" twice');
            }
            $value = ltrim(substr($part, $length), self::SPACE);
            $object->members["x$name"] = ltrim(substr($value, 1), self::SPACE);
        }
        return $object;
    }

    /** @return list<string> the elements of a valid JSON list, as JSON texts */
    public static function elements(string $list): array
    {
        return self::split(trim($list, self::SPACE));
    }

    /** Returns a member's JSON text, or null for an absent or null member. */
    public function get(string $name): ?string
    {
        $value = $this->members["x$name"] ?? 'null';
        return $value === 'null' ? null : $value;
    }

    public function set(string $name, string $json): void
    {
        $this->members["x$name"] = $json;
    }

    /** @return iterable<string, string> JSON texts by name, in order */
    public function members(): iterable
    {
        foreach ($this->members as $name => $value) {
            yield substr((string) $name, 1) => $value;
        }
    }

    public function encode(): string
    {
        $parts = [];
        foreach ($this->members() as $name => $value) {
            $parts[] = Json::encode($name) . ':' . $value;
        }
        return '{' . implode(',', $parts) . '}';
    }

    /**
     * Splits the text between two brackets at the commas of that level.
     *
     * @return list<string>
     */
    private static function split(string $json): array
    {
        $parts = [];
        $start = 1;
        $depth = 0;
        for ($at = 1, $end = strlen($json) - 1; $at < $end; ++$at) {
            $at += strcspn($json, '"{}[],', $at);
            switch ($json[$at]) {
                case '"':
                    $at += self::stringLength($json, $at) - 1;
                    break;
                case '{':
                case '[':
                    ++$depth;
                    break;
                case '}':
                case ']':
                    --$depth;
                    break;
                default:
                    if ($depth === 0) {
                        $parts[] = trim(substr($json, $start, $at - $start), self::SPACE);
                        $start = $at + 1;
                    }
            }
        }
        $last = trim(substr($json, $start, $end - $start), self::SPACE);
        return $last === '' ? $parts : [...$parts, $last];
    }

    /** Returns the length of the JSON string at this position, with its quotes. */
    private static function stringLength(string $json, int $at = 0): int
    {
        for ($next = $at + 1;; $next += 2) {
            $next += strcspn($json, '"\\', $next);
            if ($json[$next] === '"') {
                return $next + 1 - $at;
            }
        }
    }
}
