/** Three methods that take five, three and two parts of the time. */
public class Shares {
    static int five(int s) {
        for (int i = 0; i < 500000; i++)
            s = s * 1103515245 + i;
        return s;
    }

    static int three(int s) {
        for (int i = 0; i < 300000; i++)
            s = s * 1103515245 + i;
        return s;
    }

    static int two(int s) {
        for (int i = 0; i < 200000; i++)
            s = s * 1103515245 + i;
        return s;
    }

    public static void main(String[] arguments) {
        System.out.println("ready " + ProcessHandle.current().pid());
        long end = System.nanoTime() + 8_000_000_000L;
        int sink = 1;
        while (System.nanoTime() < end)
            sink = five(sink) + three(sink) + two(sink);
        System.out.println("done " + sink);
    }
}
