<?php

declare(strict_types=1);

namespace StreamingDaemon\Amp\Loop;

/**
 * The descriptors' numbers, which PHP keeps to itself.
 *
 * A stream tells its inode, and /proc that of each number. The kernel gives a new
 * descriptor the lowest number that is free, so the lowest of those that are not known
 * to be somebody's is nearly always the one.
 */
final class Descriptors
{
    /** @var \SplMinHeap<int> those below $next that are nobody's, as far as is known */
    private readonly \SplMinHeap $unclaimed;
    private int $next = 0;

    /** Numbers above are looked at in vain. */
    private readonly int $limit;

    public function __construct()
    {
        $this->unclaimed = new \SplMinHeap();
        $limit = posix_getrlimit()['hard openfiles'] ?? 'unlimited';
        $this->limit = is_int($limit) ? $limit : PHP_INT_MAX;
    }

    /**
     * The number of a stream's descriptor, which is the stream's until it is given back.
     *
     * @param resource $stream
     * @throws \RuntimeException when it has none
     */
    public function claim($stream): int
    {
        $stat = fstat($stream);
        if ($stat === false) {
            throw new \RuntimeException('the stream has no descriptor');
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
            throw new \RuntimeException('the stream has no descriptor in /proc, or one that is watched already');
        }
        return $number;
    }

    /** The descriptor is about to be closed, or was. */
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
        $found = @stat("/proc/self/fd/$number");
        return $found !== false && $found['ino'] === $stat['ino'] && $found['dev'] === $stat['dev'];
    }
}
