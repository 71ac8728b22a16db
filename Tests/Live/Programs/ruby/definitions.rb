puts "ready #{$$}"; $stdout.flush
module Shared
  def shared; yield; end
end
class Base
  include Shared
  class << self
    def inner; x = 0; while true; x += 1; end; end
  end
  define_method(:defined) { |x| self.class.inner }
  alias other shared
end
class Derived < Base
  def shared; super; end
end
object = Derived.new
object.shared { eval "[3].each_with_index { |x, i| object.other { object.defined(x) } }" }
