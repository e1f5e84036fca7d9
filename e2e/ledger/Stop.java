package ledger;

import java.nio.file.Files;
import java.nio.file.Path;

/** When to finish: a file appears, or the process is told to end, which then waits for a clean finish. */
final class Stop {
    private final Path file;
    private final Thread hook;
    private volatile boolean told;

    Stop(Path file) {
        this.file = file;
        Thread main = Thread.currentThread();
        hook = new Thread(() -> {
            told = true;
            try {
                main.join();
            } catch (InterruptedException impatient) {
                Thread.currentThread().interrupt();
            }
        });
        Runtime.getRuntime().addShutdownHook(hook);
    }

    boolean asked() {
        return told || Files.exists(file);
    }

    /** The work is finished: an end of the process waits for nothing any more. */
    void done() {
        if (!told) {
            Runtime.getRuntime().removeShutdownHook(hook);
        }
    }
}
