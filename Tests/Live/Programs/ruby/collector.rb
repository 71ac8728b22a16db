puts "ready #{$$}"; $stdout.flush
def churn; while true; Array.new(1000) { "" }; end; end
churn
