<?php

declare(strict_types=1);

namespace StreamingDaemon;

/** How a chunk of the API's answer is passed on. */
enum Format: string
{
    /** The text alone: data: {"content":"Hello"} */
    case Simple = 'simple';

    /** The API's chunk, whole. */
    case OpenAI = 'openai';

    /**
     * The events that a chunk becomes; an empty string where it holds nothing for the client.
     *
     * @throws Problem when the chunk cannot be passed on
     */
    public function render(Chunk $chunk): string
    {
        if ($this === self::OpenAI) {
            // Several data lines were joined by line feeds. In JSON these are white space.
            return 'data: ' . strtr($chunk->data, "\r\n", '  ') . "\n\n";
        }
        $events = '';
        foreach ($chunk->texts() as $text) {
            $events .= 'data: {"content":' . Json::encode($text) . "}\n\n";
        }
        return $events;
    }
}
