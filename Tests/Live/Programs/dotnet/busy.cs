using System;
using System.Runtime.CompilerServices;
using System.Threading;

namespace Demo {
  public static class Busy {
    static long sink;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Leaf(int n) {
      long s = 0;
      for (int i = 0; i < 2000; i++) s += (i * 31L) ^ n;
      return s;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long C(int n) { return Leaf(n) + 1; }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long B(int n) { return C(n) + 1; }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long A(int n) { return B(n) + 1; }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Rec(int d, int n) { return d == 0 ? Leaf(n) : Rec(d - 1, n) + 1; }

    class Nested<T> {
      [MethodImpl(MethodImplOptions.NoInlining)]
      public long Gen(int n) { return Leaf(n) + typeof(T).Name.Length; }
      [MethodImpl(MethodImplOptions.NoInlining)]
      public long Gen(int n, T[] values, string text) { return Leaf(n) + values.Length; }
    }

    interface IShape { long Area(int n); }
    class Square : IShape {
      [MethodImpl(MethodImplOptions.NoInlining)]
      public long Area(int n) { return Leaf(n) * 2; }
    }
    class Circle : IShape {
      [MethodImpl(MethodImplOptions.NoInlining)]
      public long Area(int n) { return Leaf(n) * 3; }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static long Finally(int n) {
      long s = n;
      try {
        if (n < 0) throw new ArgumentException();
        s++;
      } finally {
        s += Leaf(n);
      }
      return s;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static int Compare(int a, int b) { sink += Leaf(a); return a - b; }

    public static void Main(string[] args) {
      Func<int, long> lambda = x => Leaf(x) + 7;
      Thread worker = new Thread(() => { while (true) sink += Rec(20, 3); });
      worker.IsBackground = true;
      worker.Name = "worker-1";
      if (args.Length > 0) {
        worker.Start();
        worker.Join();
      }
      Nested<string> nested = new Nested<string>();
      IShape[] shapes = { new Square(), new Circle() };
      string[] texts = { "a", "b" };
      for (int n = 0; ; n++) {
        sink += A(n);
        sink += lambda(n);
        sink += nested.Gen(n);
        sink += nested.Gen(n, texts, "c");
        for (int i = 0; i < 4; i++) sink += shapes[i & 1].Area(n);
        sink += Finally(n);
        // A method of the class library, compiled ahead of time, that calls back.
        Array.Sort(new int[] { 3, 1, 2 }, new Comparison<int>(Compare));
      }
    }
  }
}
