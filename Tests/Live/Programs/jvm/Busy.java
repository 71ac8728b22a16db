import java.util.function.LongUnaryOperator;

/** Chains of calls that the compilers inline, recursion, a lambda, and calls of an interface that several classes implement. */
public class Busy {
    static volatile long sink;

    interface Shape { double area(int i); }
    static class Square implements Shape { public double area(int i) { return ofShape(i) * 1.5; } }
    static class Circle implements Shape { public double area(int i) { return ofShape(i) * 2.5; } }
    static class Triangle implements Shape { public double area(int i) { return ofShape(i) * 3.5; } }

    static long ofShape(int n) {
        long s = 0;
        for (int i = 0; i < 2000; i++) s += (i * 31L) ^ n;
        return s;
    }

    static long leaf(int n) {
        long s = 0;
        for (int i = 0; i < 2000; i++) s += (i * 31L) ^ n;
        return s;
    }
    static long c(int n) { return leaf(n) + 1; }
    static long b(int n) {
        return c(n) + 1;
    }
    static long a(int n) { return b(n) + 1; }

    static long ofLambda(int n) {
        long s = 0;
        for (int i = 0; i < 2000; i++) s += (i * 31L) ^ n;
        return s;
    }

    static long deepest(int n) {
        long s = 0;
        for (int i = 0; i < 2000; i++) s += (i * 31L) ^ n;
        return s;
    }
    static long rec(int d, int n) { return d == 0 ? deepest(n) : rec(d - 1, n) + 1; }

    static class Worker extends Thread {
        public void run() {
            while (true) {
                sink += rec(20, 3);
            }
        }
    }

    public static void main(String[] args) {
        Shape[] shapes = { new Square(), new Circle(), new Triangle() };
        LongUnaryOperator lambda = x -> ofLambda((int) x) + 7;
        Thread worker = new Worker();
        worker.setDaemon(true);
        worker.start();
        long start = System.nanoTime();
        boolean isReady = false;
        for (int n = 0; ; n++) {
            sink += a(n);
            sink += lambda.applyAsLong(n);
            sink += (long) shapes[n % 3].area(n);
            if (!isReady && System.nanoTime() - start > 1_000_000_000L) {
                System.out.println("ready " + args[0]);
                isReady = true;
            }
        }
    }
}
