# Ruby's own word on which functions it is in, whenever another process asks: counts of samples by function, at the end.
def work(n)
  x = 0
  i = 0
  while i < n
    x += i
    i += 1
  end
end
def often; work(6000); end
def seldom; work(3000); end
def rarely; work(1000); end
def turn; often; seldom; rarely; end
$counts = Hash.new(0)
$total = 0
def sampled
  $total += 1
  caller_locations(1).map { |place| place.base_label }.uniq.each { |name| $counts[name] += 1 }
end
trap(:USR1) { sampled }
parent = $$
asking = fork { trap(:USR1, "DEFAULT"); loop { sleep 0.005; Process.kill(:USR1, parent) } }
puts "ready #{$$}"; $stdout.flush
finish = Process.clock_gettime(Process::CLOCK_MONOTONIC) + ARGV[0].to_f
turn while Process.clock_gettime(Process::CLOCK_MONOTONIC) < finish
Process.kill(:KILL, asking)
puts "total #{$total}"
%w[work often seldom rarely turn].each { |name| puts "#{name} #{$counts[name]}" }
puts "end"
