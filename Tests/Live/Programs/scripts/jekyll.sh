# A site of 150 posts, built again and again: jekyll.sh FOLDER
set -e
mkdir -p "$1/site/_posts" "$1/site/_layouts"
cd "$1/site"
printf 'title: Site\nmarkdown: kramdown\n' >_config.yml
printf '<html><body>{{ content }}{%% for post in site.posts %%}<a href="{{ post.url }}">{{ post.title | upcase }}</a>{%% endfor %%}</body></html>' >_layouts/post.html
for n in $(seq 150); do
    printf -- '---\nlayout: post\ntitle: Post %d\n---\n# Head\n\nSome *text* and `code`, [a link](http://x/).\n\n- one\n- two\n\n```ruby\ndef f(x) = x + 1\n```\n' "$n" \
        >"_posts/2024-01-$(printf %02d $((n % 28 + 1)))-post-$n.md"
done
echo ready
export LANG=C.UTF-8
while :; do jekyll build -q --disable-disk-cache >log 2>&1; done
