# A book of 120 pages with code, tables and references, built again and again: sphinx.sh FOLDER
set -e
mkdir -p "$1/book"
cd "$1/book"
printf 'project = "book"\nextensions = ["sphinx.ext.autodoc", "sphinx.ext.viewcode"]\n' >conf.py
{ printf 'Book\n====\n\n.. toctree::\n\n'; for n in $(seq 120); do echo "   page$n"; done; } >index.rst
modules="argparse ast asyncio.events csv difflib email.message html.parser inspect json.decoder logging"
for n in $(seq 120); do
    printf 'Page %d\n=========\n\nSee :doc:`page%d`, *emphasis*, ``code``.\n\n' "$n" $((n % 120 + 1))
    printf '.. code-block:: python\n\n   def f(x):\n       return [y for y in x if y]\n\n'
    printf '+---+---+\n| a | b |\n+===+===+\n| 1 | 2 |\n+---+---+\n\n'
    set -- $modules
    [ "$n" -gt 10 ] || { shift $((n - 1)); printf '.. automodule:: %s\n   :members:\n\n' "$1"; }
done >all 2>/dev/null || true
csplit -s -f part -b %d all '/^Page /' '{*}'
for n in $(seq 120); do mv "part$n" "page$n.rst"; done
echo ready
while :; do python3 -m sphinx -q -E -b html . out >log 2>&1; done
