puts "ready #{$$}"; $stdout.flush
class Foo
  def leaf; i = 0; while true; i += 1; end; end
  def a; leaf; end
  def self.sm(x); new.a; end
end
def c(n)
  return [1].each { |x| Foo.sm(x) } if n == 0
  c(n - 1)
end
c(2)
