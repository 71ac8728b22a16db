# Breaks the control frames of a thread at random, as the profiler follows them: pointers to themselves, to unmapped memory,
# to code that is none, lengths beyond all bounds. The thread runs none of them: it stays in its youngest frame.
require "fiddle"
GC.disable
puts "ready #{$$}"; $stdout.flush
def spin; x = 0; while true; x += 1; end; end
def middle; spin; end
def outer; middle; end
victim = Thread.new { outer }
sleep 0.2
word = lambda { |at| Fiddle::Pointer.new(at)[0, 8].unpack1("Q") }
# RTypedData: data at 32, since 3.3 at 16 or 24 in some builds; rb_thread_t leads to its context.
object = Fiddle.dlwrap(victim)
version = RUBY_VERSION.split(".").map(&:to_i).first(2)
thread = word.(object + 32)
context = word.(thread + ((version <=> [3, 0]) < 0 ? 32 : (version <=> [3, 2]) < 0 ? 40 : 48))
frames = word.(context + 16)
size = (version <=> [3, 1]) < 0 || (version <=> [3, 3]) >= 0 ? 56 : 64
# From the second frame on: pc, iseq and ep.
places = (1..3).flat_map { |number| [0, 16, 32].map { |field| frames + number * size + field } }
raise "not a thread" unless places.all? { |place| Fiddle::Pointer.new(place)[0, 8] }
bad = [0, 0x10, 0xdead0000, 1 << 63, 0x7fffffffe000, frames, frames + 8, context, object, 0x400000]
while true
  place = places.sample
  Fiddle::Pointer.new(place)[0, 8] = [rand(4) == 0 ? rand(1 << 48) : bad.sample].pack("Q")
  # How large the stack is.
  Fiddle::Pointer.new(context + 8)[0, 8] = [[0, 1 << 20, 1 << 60, (1 << 64) - 1].sample].pack("Q") if rand(8) == 0
  sleep 0.002
end
