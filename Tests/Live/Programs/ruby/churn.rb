# Methods that are made, run once and freed, while objects are moved.
puts "ready #{$$}"; $stdout.flush
number = 0
while true
  number += 1
  eval "def made_#{number}; x = 0; 150000.times { x += 1 }; end", binding, "made-#{number}"
  send("made_#{number}")
  Object.send(:undef_method, "made_#{number}")
  GC.start if number % 8 == 0
  GC.compact if number % 32 == 0 && GC.respond_to?(:compact)
end
