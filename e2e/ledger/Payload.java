package ledger;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * What a record holds. Key: producer and partition. Value: sequence number, hash, and where it was meant to go, padded
 * with the hash's own bytes, so that a damaged byte anywhere shows.
 */
record Payload(int producer, int topic, int partition, long sequence, long hash, boolean sound) {
    /** Producer of a record that the ledger did not write. */
    static final int FOREIGN = 0xFFFF;

    private static final int HEAD = 20;
    private static final Payload UNKNOWN = new Payload(FOREIGN, FOREIGN, FOREIGN, 0, 0, false);

    static Payload of(int producer, int topic, int partition, long sequence) {
        long place = ((long) producer << 32) | ((long) topic << 16) | partition;
        return new Payload(producer, topic, partition, sequence, mix(mix(place) ^ sequence), true);
    }

    byte[] key() {
        return ByteBuffer.allocate(4).putShort((short) producer).putShort((short) partition).array();
    }

    byte[] value(int bytes) {
        ByteBuffer value = ByteBuffer.allocate(Math.max(bytes, HEAD));
        value.putLong(sequence).putLong(hash).putShort((short) topic).putShort((short) partition);
        for (int at = HEAD; at < value.capacity(); at++) {
            value.put((byte) (hash >>> (8 * (at % 8))));
        }
        return value.array();
    }

    /** What a record that was read claims to be; not sound when any byte of it differs from what was sent. */
    static Payload read(byte[] key, byte[] value) {
        if (key == null || value == null || key.length != 4 || value.length < HEAD) {
            return UNKNOWN;
        }
        int producer = Short.toUnsignedInt(ByteBuffer.wrap(key).getShort());
        ByteBuffer head = ByteBuffer.wrap(value);
        long sequence = head.getLong();
        long hash = head.getLong();
        int topic = Short.toUnsignedInt(head.getShort());
        int partition = Short.toUnsignedInt(head.getShort());
        Payload expected = of(producer, topic, partition, sequence);
        boolean sound = Arrays.equals(expected.key(), key) && Arrays.equals(expected.value(value.length), value);
        return new Payload(producer, topic, partition, sequence, hash, sound);
    }

    /** The finaliser of SplitMix64. */
    private static long mix(long value) {
        long mixed = (value ^ (value >>> 30)) * 0xBF58476D1CE4E5B9L;
        mixed = (mixed ^ (mixed >>> 27)) * 0x94D049BB133111EBL;
        return mixed ^ (mixed >>> 31);
    }
}
