<?php

declare(strict_types=1);

namespace StreamingDaemon;

/**
 * One JSON message of the API's stream. The daemon parses what a relay needs: an error, the
 * text, and which choices finish. Vendors differ in all other fields, so a field of an
 * unexpected type counts as absent.
 */
final class Chunk
{
    /** The message for an error without one. */
    private const UNNAMED = 'the API reported an error';

    /** @param array<mixed> $fields */
    private function __construct(
        /** The message's JSON text, in valid UTF-8. */
        public readonly string $data,
        private readonly array $fields,
    ) {
    }

    /** @throws Problem when the data of an event is not a JSON object */
    public static function parse(string $data): self
    {
        if (!mb_check_encoding($data, 'UTF-8')) {
            $data = self::scrub($data);
        }
        try {
            $fields = Json::decode($data);
        } catch (\JsonException) {
            $fields = null;
        }
        if (!is_array($fields) || ltrim($data)[0] !== '{') {
            throw Problem::broken('expected a JSON object in each event of the API\'s stream');
        }
        return new self($data, $fields);
    }

    /**
     * Returns the error that the chunk reports, or null. APIs report an error in two ways: under
     * the key `error`, as any JSON type, also next to choices; or as the whole object, which then
     * has the error's own fields and no choices. FastAPI servers send a `detail`, a text or a list.
     */
    public function failure(): ?Problem
    {
        $fields = $this->fields;
        $hasChoices = is_array($fields['choices'] ?? null) && $fields['choices'] !== [];
        $detail = $fields['detail'] ?? '';
        $isError = (is_string($fields['message'] ?? null) && $fields['message'] !== '')
            || ($fields['object'] ?? null) === 'error' || ($fields['type'] ?? null) === 'error'
            || ((is_string($detail) || is_array($detail)) && $detail !== '' && $detail !== []);
        return isset($fields['error']) || (!$hasChoices && $isError) ? self::reported($this->data) : null;
    }

    /**
     * Returns the texts of choice 0, without the empty ones.
     *
     * @return list<string>
     * @throws Problem when a content is neither a string nor a list of text parts
     */
    public function texts(): array
    {
        $texts = [];
        foreach ($this->choices() as $position => $choice) {
            $delta = $choice['delta'] ?? null;
            $content = is_array($delta) ? $delta['content'] ?? null : null;
            if (self::index($choice) !== 0 || $content === null) {
                continue;
            }
            $text = $this->text($content, $position)
                ?? throw Problem::broken('expected a delta\'s content as a string or a list of texts');
            if ($text !== '') {
                $texts[] = $text;
            }
        }
        return $texts;
    }

    /**
     * Reports which choices the chunk finishes. A finish_reason finishes its choice if it is a
     * string that is not empty: Ollama and SGLang send an empty one with each delta.
     *
     * @return iterable<int, bool> by the choice's index
     */
    public function finished(): iterable
    {
        foreach ($this->choices() as $choice) {
            $reason = $choice['finish_reason'] ?? null;
            yield self::index($choice) => is_string($reason) && $reason !== '';
        }
    }

    /** Returns the problem for an event that reports an error. The message is the API's own where the data has one. */
    public static function reported(string $data): Problem
    {
        $data = trim(self::scrub($data));
        $described = self::describe($data);
        if ($described !== null) {
            return $described;
        }
        try {
            Json::decode($data);
            $data = '';
        } catch (\JsonException) {
            // The data is a plain text.
        }
        return new Problem($data === '' ? self::UNNAMED : $data, 502, 'upstream_error', null);
    }

    /**
     * Returns the error in JSON that the API sent instead of an answer, or null. The error is the
     * value of the field `error`, an object or a text, or the whole object.
     */
    public static function describe(string $json, int $status = 502, ?string $retryAfter = null): ?Problem
    {
        try {
            $fields = Json::decode(self::scrub($json));
        } catch (\JsonException) {
            return null;
        }
        $keyed = is_array($fields) && isset($fields['error']);
        $error = $keyed ? $fields['error'] : $fields;
        $error = is_string($error) ? ['message' => $error] : $error;
        $message = is_array($error) ? $error['message'] ?? '' : '';
        $detail = is_array($error) && !$keyed ? $error['detail'] ?? '' : '';
        $message = is_string($message) && $message !== '' ? $message : $detail;
        if (!is_string($message) || $message === '') {
            if (!$keyed) {
                return null;
            }
            $message = self::UNNAMED;
        }
        $type = is_array($error) ? $error['type'] ?? null : null;
        $code = is_array($error) ? $error['code'] ?? null : null;
        return new Problem(
            $message,
            $status,
            is_string($type) && $type !== '' ? $type : 'upstream_error',
            is_string($code) || is_int($code) || is_float($code) ? $code : null,
            $retryAfter,
        );
    }

    /** @return array<int, array<mixed>> the choices by their position in the list */
    private function choices(): array
    {
        $choices = $this->fields['choices'] ?? [];
        return array_filter(is_array($choices) && array_is_list($choices) ? $choices : [], is_array(...));
    }

    /** @param array<mixed> $choice */
    private static function index(array $choice): int
    {
        $index = $choice['index'] ?? 0;
        return is_int($index) ? $index : 0;
    }

    /** Returns a content's text: a string, or the joined texts of a list of text parts (Mistral, GLM); else null. */
    private function text(mixed $content, int $position): ?string
    {
        if (is_string($content)) {
            return $content;
        }
        if (!is_array($content) || !array_is_list($content) || ($content === [] && !$this->isList($position))) {
            return null;
        }
        $joined = '';
        foreach ($content as $part) {
            $text = self::partText($part);
            if (!is_string($text)) {
                return null;
            }
            $joined .= $text;
        }
        return $joined;
    }

    /**
     * Returns the text of a part: a string, or an object of the type `text`. A part of the type
     * `thinking` (Mistral) has no text for the client: other APIs send it as reasoning_content, next
     * to the content.
     */
    private static function partText(mixed $part): mixed
    {
        if (!is_array($part)) {
            return $part;
        }
        return match ($part['type'] ?? 'text') {
            'text' => $part['text'] ?? null,
            'thinking' => '',
            default => null,
        };
    }

    /** Reports whether a choice's content is a JSON list. PHP decodes [] and {} to the same array. */
    private function isList(int $position): bool
    {
        $choice = RawObject::elements((string) RawObject::parse($this->data)->get('choices'))[$position];
        $delta = RawObject::parse((string) RawObject::parse($choice)->get('delta'));
        return $delta->get('content')[0] === '[';
    }

    /** Replaces invalid UTF-8 by U+FFFD. */
    private static function scrub(string $text): string
    {
        $before = mb_substitute_character();
        mb_substitute_character(0xFFFD);
        $text = mb_scrub($text, 'UTF-8');
        mb_substitute_character($before);
        return $text;
    }
}
