/** Virtual threads that give way and go on, so that the outer part of their stacks stays in the heap. */
public class Virtual {
    static volatile long sink;

    static long leaf(int n) {
        long s = 0;
        for (int i = 0; i < 2000; i++) s += (i * 31L) ^ n;
        return s;
    }

    static void deep(int d) {
        if (d > 0) {
            deep(d - 1);
            return;
        }
        Thread.yield();
        for (int i = 0; i < 10000; i++) sink += leaf(i);
    }

    public static void main(String[] args) throws Exception {
        for (int i = 0; i < 2; i++) {
            Thread.ofVirtual().start(() -> {
                while (true) deep(8);
            });
        }
        Thread.sleep(1000);
        System.out.println("ready " + args[0]);
        Thread.sleep(100_000_000);
    }
}
