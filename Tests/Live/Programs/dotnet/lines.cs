using System;
using System.Runtime.CompilerServices;
using System.Threading;

namespace Demo {
  // Each statement in a line of its own: what runs where is told by lines, not by functions.
  public class Lines<T> {
    [MethodImpl(MethodImplOptions.NoInlining)]
    public long Loop(int n) {
      long s = n;
      for (int i = 0; i < 3000; i++) {
        s += (i * 31L) ^ n;
      }
      return s;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public long Calls(int n) {
      long s = 1;
      s += Loop(n);
      s *= 3;
      s += Loop(n + 1);
      return s;
    }
  }

  public static class Program {
    static long sink;

    [MethodImpl(MethodImplOptions.NoInlining)]
    static long Trace(int n) {
      if (n == 7)
        Console.WriteLine(
          Environment.StackTrace);
      return n;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static long Recurse(int depth, int n) {
      if (depth == 0)
        return
          Trace(n) + new Lines<string>().Calls(n);
      long below =
        Recurse(
          depth - 1, n);
      return below + 1;
    }

    public static void Main(string[] args) {
      int n = 0;
      Func<long> lambda = () => {
        long s = n;
        s += Recurse(5, n);
        return s;
      };
      while (true) {
        sink += lambda();
        n++;
      }
    }
  }
}
