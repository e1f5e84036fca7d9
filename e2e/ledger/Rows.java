package ledger;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** An append-only file of rows of 40 bytes, big-endian; on the disk at the latest a second after they were added. */
final class Rows implements AutoCloseable {
    static final int BYTES = 40;
    private static final long SYNC_NANOS = 1_000_000_000L;
    private static final long FLUSH_NANOS = 100_000_000L;

    private final FileOutputStream file;
    private final ByteBuffer pending = ByteBuffer.allocate(BYTES * 1024);
    private long flushed = System.nanoTime();
    private long synced = System.nanoTime();

    Rows(Path path) {
        try {
            file = new FileOutputStream(path.toFile(), true);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** What became of one record that was sent: 0 acknowledged, 1 unknown. */
    synchronized void sent(Payload what, int outcome, long offset, long sentMillis, long tookMicros) {
        room();
        pending.putShort((short) what.topic()).putShort((short) what.partition());
        pending.putShort((short) what.producer()).putShort((short) outcome);
        pending.putLong(offset).putLong(what.sequence()).putLong(what.hash());
        pending.putInt((int) sentMillis).putInt((int) Math.min(tookMicros, Integer.MAX_VALUE));
        tick();
    }

    /** One record that was read, at which place, and what it claims to be. */
    synchronized void seen(Settings settings, ConsumerRecord<byte[], byte[]> record, long millis) {
        room();
        Payload what = Payload.read(record.key(), record.value());
        pending.putShort((short) settings.topicIndex(record.topic())).putShort((short) record.partition());
        pending.putShort((short) what.producer()).putShort((short) what.topic());
        pending.putLong(record.offset()).putLong(what.sequence()).putLong(what.hash());
        pending.putShort((short) what.partition()).putShort((short) (what.sound() ? 0 : 1)).putInt((int) millis);
        tick();
    }

    /** Brings what waits into the file, when it has waited long enough. */
    synchronized void tick() {
        long now = System.nanoTime();
        if (now - flushed > FLUSH_NANOS) {
            flush();
            flushed = now;
        }
        if (now - synced > SYNC_NANOS) {
            sync();
            synced = now;
        }
    }

    @Override
    public synchronized void close() {
        flush();
        sync();
        try {
            file.close();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private void room() {
        if (pending.remaining() < BYTES) {
            flush();
        }
    }

    private void flush() {
        try {
            file.write(pending.array(), 0, pending.position());
            pending.clear();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private void sync() {
        try {
            file.getFD().sync();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
