import java.io.ByteArrayOutputStream;
import java.io.InputStream;

/** Classes that are made, run until they are compiled, and unloaded: code and methods come to lie where others lay. */
public class Churn {
    public interface Work {
        long outer(int n);
    }

    /** The numbers in the names are replaced. */
    public static class Made0000 implements Work {
        public long outer(int n) {
            return calling0000(n) + 1;
        }

        static long calling0000(int n) {
            return churned0000(n) + churned0000(n + 1);
        }

        static long churned0000(int n) {
            long s = 0;
            for (int i = 0; i < 3000; i++)
                s += (i * 31L) ^ n;
            return s;
        }
    }

    static class Loader extends ClassLoader {
        Loader() {
            super(Churn.class.getClassLoader());
        }

        Class<?> make(byte[] bytes) {
            return defineClass(null, bytes, 0, bytes.length);
        }
    }

    static byte[] template() throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (InputStream in = Churn.class.getResourceAsStream("Churn$Made0000.class")) {
            byte[] part = new byte[4096];
            for (int n; (n = in.read(part)) > 0;)
                out.write(part, 0, n);
        }
        return out.toByteArray();
    }

    static byte[] numbered(byte[] template, int number) throws Exception {
        String text = new String(template, "ISO-8859-1");
        String digits = String.format("%04d", number);
        for (String name : new String[] {"Made", "calling", "churned"})
            text = text.replace(name + "0000", name + digits);
        return text.getBytes("ISO-8859-1");
    }

    static volatile long sink;

    static void run(Work work) {
        long end = System.nanoTime() + 30_000_000;
        for (int n = 0; System.nanoTime() < end; n++)
            sink += work.outer(n);
    }

    public static void main(String[] arguments) throws Exception {
        byte[] template = template();
        System.out.println("ready " + arguments[0]);
        for (int number = 1;; number = number % 9999 + 1) {
            run((Work) new Loader().make(numbered(template, number)).getDeclaredConstructor().newInstance());
            if (number % 16 == 0)
                System.gc();
        }
    }
}
