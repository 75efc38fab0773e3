<?php

declare(strict_types=1);

namespace StreamingDaemon;

/**
 * The job of one handoff: the API's request, built from the handoff data.
 *
 * It checks the types of the fields that the contract names (H3), and that no value can split a
 * header (S1). All values stay the JSON text that arrived.
 */
final class Job
{
    private const DEFAULT_MODEL = 'gpt-4o-mini';

    private function __construct(
        /** The body of the API's request, as JSON. */
        public readonly string $body,
        /** For X-Test-Pattern; may be empty. */
        public readonly string $testPattern,
        /** For X-Request-Id; may be empty. */
        public readonly string $requestId,
        public readonly ResponseHeaders $headers,
    ) {
    }

    /**
     * @throws Problem a 400 that names the wrong field, and has the response headers
     */
    public static function fromData(string $data): self
    {
        $headers = new ResponseHeaders();
        try {
            $fields = self::fields($data);
            $headers = ResponseHeaders::fromJson(self::typed($fields, 'response_headers', '{', 'an object of strings'));
            return new self(
                self::request($fields)->encode(),
                self::headerValue($fields, 'test_pattern'),
                self::headerValue($fields, 'request_id'),
                $headers,
            );
        } catch (\UnexpectedValueException $error) {
            throw Problem::invalidHandoff($error->getMessage())->with($headers);
        }
    }

    /** Returns the response headers of the handoff data, also if the job is invalid. */
    public static function headersOf(string $data): ResponseHeaders
    {
        try {
            return ResponseHeaders::fromJson(self::fields($data)->get('response_headers'));
        } catch (\UnexpectedValueException) {
            return new ResponseHeaders();
        }
    }

    private static function fields(string $data): RawObject
    {
        try {
            return RawObject::parse($data, unique: true);
        } catch (\UnexpectedValueException $error) {
            throw new \UnexpectedValueException("handoff data: {$error->getMessage()}");
        }
    }

    private static function request(RawObject $fields): RawObject
    {
        $request = RawObject::empty();
        $request->set('model', self::typed($fields, 'model', '"', 'a string') ?? Json::encode(self::DEFAULT_MODEL));
        $request->set('messages', self::messages($fields));
        $parameters = [
            'max_tokens' => self::typed($fields, 'max_tokens', '-0123456789', 'an integer'),
            'temperature' => self::typed($fields, 'temperature', '-0123456789', 'a number'),
            // Many web applications number their users.
            'user' => self::typed($fields, 'user_id', '"-0123456789', 'a string or a number'),
        ];
        if (strpbrk($parameters['max_tokens'] ?? '', '.eE') !== false) {
            throw new \UnexpectedValueException('max_tokens: expected an integer');
        }
        foreach (array_filter($parameters, is_string(...)) as $name => $value) {
            $request->set($name, $value);
        }
        $body = self::typed($fields, 'body', '{', 'an object');
        foreach (RawObject::parse($body ?? '{}')->members() as $name => $value) {
            $request->set($name, $value);
        }
        $request->set('stream', 'true');
        return $request;
    }

    /** Returns the messages, or builds them from system and prompt. */
    private static function messages(RawObject $fields): string
    {
        $messages = self::typed($fields, 'messages', '[', 'a list');
        $prompt = self::typed($fields, 'prompt', '"', 'a string');
        $system = self::typed($fields, 'system', '"', 'a string');
        $list = RawObject::elements($messages ?? '[]');
        foreach ($list as $index => $message) {
            self::checkMessage($message, "messages[$index]");
        }
        if ($messages !== null && $list !== []) {
            return $messages;
        }
        if ($prompt === null) {
            throw new \UnexpectedValueException('expected prompt or messages, found neither');
        }
        $system = $system === null ? '' : '{"role":"system","content":' . $system . '},';
        return '[' . $system . '{"role":"user","content":' . $prompt . '}]';
    }

    /**
     * Checks the types of a message's role and content. Content may be absent or null: an assistant
     * message with tool calls does not need any.
     */
    private static function checkMessage(string $json, string $where): void
    {
        if ($json[0] !== '{') {
            throw new \UnexpectedValueException("$where: expected an object with role and content");
        }
        $message = RawObject::parse($json);
        if (self::typed($message, 'role', '"', 'a string', "$where.") === null) {
            throw new \UnexpectedValueException("$where: expected a role, found none");
        }
        $content = self::typed($message, 'content', '"[', 'a string or a list of parts', "$where.");
        if ($content === null || $content[0] === '"') {
            return;
        }
        foreach (RawObject::elements($content) as $part) {
            if ($part[0] !== '{') {
                throw new \UnexpectedValueException("$where.content: expected a list of objects");
            }
        }
    }

    /**
     * Returns a field that the daemon sends to the API as a header. Control characters are an error:
     * without them, the value would mean something else.
     */
    private static function headerValue(RawObject $fields, string $name): string
    {
        $value = self::typed($fields, $name, '"', 'a string');
        $text = $value === null ? '' : (string) Json::decode($value);
        if (preg_match('/[\x00-\x1f\x7f]/', $text)) {
            throw new \UnexpectedValueException("$name: expected a string without control characters");
        }
        return $text;
    }

    /**
     * Returns a field's JSON text, or null for an absent or null field. The first character of a
     * JSON value identifies its type.
     */
    private static function typed(
        RawObject $object,
        string $name,
        string $first,
        string $expected,
        string $where = '',
    ): ?string {
        $value = $object->get($name);
        if ($value !== null && !str_contains($first, $value[0])) {
            throw new \UnexpectedValueException("$where$name: expected $expected");
        }
        return $value;
    }
}
