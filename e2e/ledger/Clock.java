package ledger;

/** Milliseconds since the program began, from the clock that no one sets. */
final class Clock {
    /** The beginning, in milliseconds of the epoch. */
    final long epoch = System.currentTimeMillis();
    private final long origin = System.nanoTime();

    long nanos() {
        return System.nanoTime() - origin;
    }

    long millis() {
        return nanos() / 1_000_000;
    }
}
