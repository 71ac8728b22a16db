puts "ready #{$$}"; $stdout.flush
class Work
  def leaf(n)
    i = 0
    s = 0
    while i < n
      s += i & 7
      i += 1
    end
    s
  end
  def middle(n); leaf(n) + 1; end
  def each_one; [1, 2, 3].each { |x| middle(x * 30000) }; end
end
work = Work.new
while true; work.each_one; end
