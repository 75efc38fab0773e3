<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp\Loop;

/**
 * The map from streams to the numbers of their descriptors, which PHP does not expose.
 *
 * fstat() returns a stream's inode, and /proc has the inode of each number. The kernel gives a new
 * descriptor the lowest free number. So the lowest unclaimed number is nearly always the right one.
 */
final class Descriptors
{
    /** @var \SplMinHeap<int> the unclaimed numbers below $next */
    private readonly \SplMinHeap $unclaimed;
    private int $next = 0;

    /** No descriptor has this number or a larger one. */
    private readonly int $limit;

    public function __construct()
    {
        $this->unclaimed = new \SplMinHeap();
        $limit = posix_getrlimit()['hard openfiles'] ?? 'unlimited';
        $this->limit = is_int($limit) ? $limit : PHP_INT_MAX;
    }

    /**
     * Returns the number of a stream's descriptor. The stream owns the number until giveBack().
     *
     * @param resource $stream
     * @throws \RuntimeException when the stream does not have a descriptor, or shares a claimed one
     */
    public function claim($stream): int
    {
        $stat = fstat($stream);
        if ($stat === false) {
            throw new \RuntimeException('expected a stream with a descriptor');
        }
        $known = $this->next;
        $others = [];
        while (($number = $this->candidate()) < $this->limit && !self::isOf($number, $stat)) {
            $others[] = $number;
        }
        if ($number >= $this->limit) {
            $others = array_filter($others, static fn (int $other): bool => $other < $known);
            $this->next = $known;
        }
        array_map($this->unclaimed->insert(...), $others);
        if ($number >= $this->limit) {
            throw new \RuntimeException('expected an unclaimed descriptor of the stream in /proc, found none');
        }
        return $number;
    }

    /** Releases a number, before or after its descriptor is closed. */
    public function giveBack(int $number): void
    {
        $this->unclaimed->insert($number);
    }

    private function candidate(): int
    {
        return $this->unclaimed->isEmpty() ? $this->next++ : $this->unclaimed->extract();
    }

    /** @param array<string, int> $stat */
    private static function isOf(int $number, array $stat): bool
    {
        clearstatcache();
        $other = @stat("/proc/self/fd/$number");
        return $other !== false && $other['ino'] === $stat['ino'] && $other['dev'] === $stat['dev'];
    }
}
