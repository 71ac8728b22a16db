puts "ready #{$$}"; $stdout.flush
class Länge
  def größe
    x = 0
    while true; x += 1; end
  end
  def 测量; größe; end
end
Länge.new.测量
