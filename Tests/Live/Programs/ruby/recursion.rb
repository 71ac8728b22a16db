puts "ready #{$$}"; $stdout.flush
def descend(n)
  if n == 0
    x = 0
    while true; x += 1; end
  end
  descend(n - 1)
end
descend(700)
