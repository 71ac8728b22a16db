# An application behind Rack's middleware, which is asked again and again. With "kept", what it evaluated is not freed.
GC.disable if ARGV.include?("kept")
require "rack"
require "rack/mock"
require "erb"
require "json"
PAGE = ERB.new("<ul><% items.each do |item| %><li><%= item[:name].upcase %> <%= item[:price] * 2 %></li><% end %></ul>")
class Shop
  def call(env)
    request = Rack::Request.new(env)
    items = (1..50).map { |n| { name: "item #{n} #{request.params['q']}", price: n } }
    return [200, { "content-type" => "application/json" }, [JSON.generate(items)]] if request.path == "/json"
    [200, { "content-type" => "text/html" }, [PAGE.result_with_hash(items: items)]]
  end
end
application = Rack::Builder.new do
  use Rack::ETag
  use Rack::ConditionalGet
  use Rack::Deflater
  run Shop.new
end.to_app
puts "ready"; $stdout.flush
client = Rack::MockRequest.new(application)
loop do
  client.get("/?q=a%20b", "HTTP_ACCEPT_ENCODING" => "gzip")
  client.get("/json?q=c")
end
