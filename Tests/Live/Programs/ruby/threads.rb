puts "ready #{$$}"; $stdout.flush
def spin(x); while true; x += 1; end; end
def first; spin(1); end
def second; spin(2); end
Thread.new { first }
second
