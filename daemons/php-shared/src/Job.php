<?php

declare(strict_types=1);

namespace StreamingDaemon;

/**
 * What one handoff asks for: the handoff data become a request to the API.
 *
 * The data are not understood more than is needed. What is checked is the types of
 * the fields that the contract names (H3) and that no header could be split (S1).
 */
final class Job
{
    private const DEFAULT_MODEL = 'gpt-4o-mini';

    private function __construct(
        /** The API's request, as JSON. */
        public readonly string $body,
        /** For X-Test-Pattern; may be empty. */
        public readonly string $testPattern,
        /** For X-Request-Id; may be empty. */
        public readonly string $requestId,
        public readonly ResponseHeaders $headers,
    ) {
    }

    /**
     * @throws Problem a 400 that names the field, with the response headers to answer it with
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

    /** The response headers that the data ask for, where the job itself does not matter. */
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
            throw new \UnexpectedValueException("the handoff data is {$error->getMessage()}");
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
            // Web applications count their users as often as they name them.
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

    /** The messages as they are, or made of system and prompt. */
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
            throw new \UnexpectedValueException('there is neither prompt nor messages');
        }
        $system = $system === null ? '' : '{"role":"system","content":' . $system . '},';
        return '[' . $system . '{"role":"user","content":' . $prompt . '}]';
    }

    /** Content may be missing: that of an assistant's message with tool calls is null. */
    private static function checkMessage(string $json, string $where): void
    {
        if ($json[0] !== '{') {
            throw new \UnexpectedValueException("$where: expected an object with role and content");
        }
        $message = RawObject::parse($json);
        if (self::typed($message, 'role', '"', 'a string', "$where.") === null) {
            throw new \UnexpectedValueException("$where.role is missing");
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

    /** A field that goes to the API as a header: to drop a control character would be to ask for something else. */
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
     * A field's JSON text, null when it is absent or null. The type of a JSON value
     * shows in its first character.
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
