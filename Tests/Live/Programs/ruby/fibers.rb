puts "ready #{$$}"; $stdout.flush
module Work
  def self.busy; x = 0; while true; x += 1; end; end
end
def risky
  raise "x"
rescue
  begin
    Work.busy
  ensure
    1
  end
end
Fiber.new { [1].map { risky } }.resume
