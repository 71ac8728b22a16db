import java.util.zip.Deflater;

/** Java that native code calls, as classes are initialised; native code that Java calls; code that HotSpot makes for itself. */
public class Between {
    static volatile long sink;

    static class Initialised {
        static long work() {
            long s = 0;
            for (int i = 0; i < 2000; i++) s += (i * 31L) ^ sink;
            return s;
        }
        static {
            while (sink != -1) {
                sink += work();
            }
        }
    }

    static class Compressor extends Thread {
        static int compress(byte[] from, byte[] to) {
            Deflater deflater = new Deflater(9);
            deflater.setInput(from);
            deflater.finish();
            int count = deflater.deflate(to);
            deflater.end();
            return count;
        }

        public void run() {
            byte[] from = new byte[1 << 20], to = new byte[1 << 21];
            for (int i = 0; i < from.length; i++) from[i] = (byte) (i * i >> 7);
            while (true) {
                sink += compress(from, to);
            }
        }
    }

    static class Copier extends Thread {
        static void copy(byte[] from, byte[] to) {
            for (int i = 0; i < 1000; i++) {
                System.arraycopy(from, 0, to, 1, from.length);
            }
        }

        public void run() {
            byte[] from = new byte[60000], to = new byte[60001];
            while (true) {
                copy(from, to);
                sink += to[1];
            }
        }
    }

    public static void main(String[] args) throws Exception {
        for (Thread thread : new Thread[] { new Compressor(), new Copier() }) {
            thread.setDaemon(true);
            thread.start();
        }
        Thread.sleep(2000);
        System.out.println("ready " + args[0]);
        Class.forName("Between$Initialised");
    }
}
