package ledger;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Load with a ledger: `run SETTINGS FOLDER` writes until the file FOLDER/stop appears (or SIGTERM comes), `verify
 * SETTINGS FOLDER` reads every partition to its end, `ceiling PROPERTIES USERS TOPICS` measures what Kafka takes,
 * `seed PROPERTIES TOPIC...` writes a record to each topic. What was seen is left in FOLDER; judging it is not done here.
 */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("ceiling")) {
            Ceiling.run(Path.of(arguments[1]), Integer.parseInt(arguments[2]), Integer.parseInt(arguments[3]));
            return;
        }
        if (arguments[0].equals("seed")) {
            Seed.run(Path.of(arguments[1]), List.of(arguments).subList(2, arguments.length));
            return;
        }
        Settings settings = Settings.read(Path.of(arguments[1]));
        Path folder = Path.of(arguments[2]);
        switch (arguments[0]) {
            case "run" -> run(settings, folder);
            case "verify" -> Verify.run(settings, folder);
            default -> throw new IllegalArgumentException("run, verify, ceiling or seed, not " + arguments[0]);
        }
    }

    private static void run(Settings settings, Path folder) throws Exception {
        Clock clock = new Clock();
        Stop stop = new Stop(folder.resolve("stop"));
        List<Load> loads = new ArrayList<>();
        for (int producer = 0; producer < settings.producers; producer++) {
            loads.add(new Load(settings, producer, clock, stop, folder));
        }
        Tail tail = new Tail(settings, clock, folder);
        Sampler sampler = new Sampler(settings, clock, folder);
        List<Thread> writers = start(loads);
        Thread reader = thread("tail", tail);
        Thread watcher = thread("sampler", sampler);
        while (!stop.asked() && !loads.stream().allMatch(Load::flows)) {
            Thread.sleep(20);
        }
        long flowing = clock.millis();
        Files.writeString(folder.resolve("flowing"), Long.toString(flowing));
        while (!stop.asked()) {
            Thread.sleep(100);
        }
        long stopped = clock.millis();
        for (Thread writer : writers) {
            writer.join();
        }
        sampler.end();
        watcher.join();
        tail.end();
        reader.join();
        String summary = "epoch_ms " + clock.epoch + "\nflowing_ms " + flowing + "\nstopped_ms " + stopped + "\n";
        Files.writeString(folder.resolve("summary.txt"), summary + errors(loads, tail));
        stop.done();
    }

    private static String errors(List<Load> loads, Tail tail) {
        Map<String, Long> all = new TreeMap<>(tail.errors());
        loads.forEach(load -> load.errors().forEach((name, count) -> all.merge(name, count, Long::sum)));
        StringBuilder text = new StringBuilder();
        all.forEach((name, count) -> text.append("error ").append(name).append(' ').append(count).append('\n'));
        return text.toString();
    }

    private static List<Thread> start(List<Load> loads) {
        List<Thread> threads = new ArrayList<>();
        for (Load load : loads) {
            threads.add(thread("load-" + load.producer, load));
        }
        return threads;
    }

    /** A thread whose failure ends the program: half a ledger must not look like a whole one. */
    private static Thread thread(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setUncaughtExceptionHandler((failed, error) -> {
            error.printStackTrace();
            Runtime.getRuntime().halt(3);
        });
        thread.start();
        return thread;
    }
}
