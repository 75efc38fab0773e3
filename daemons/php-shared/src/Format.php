<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** The form of the events that the client receives. */
enum Format: string
{
    /** Only the text of choice 0: data: {"content":"Hello"} */
    case Simple = 'simple';

    /** The API's whole chunk. */
    case OpenAI = 'openai';

    /**
     * Returns the client's events for a chunk, or an empty string.
     *
     * @throws Problem when the content of a delta has an unexpected type, in the simple format
     */
    public function render(Chunk $chunk): string
    {
        if ($this === self::OpenAI) {
            // Line feeds join the data lines of an event. In JSON they are white space.
            return 'data: ' . strtr($chunk->data, "\r\n", '  ') . "\n\n";
        }
        $events = '';
        foreach ($chunk->texts() as $text) {
            $events .= 'data: {"content":' . Json::encode($text) . "}\n\n";
        }
        return $events;
    }
}
