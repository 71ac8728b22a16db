. "$(dirname "$0")/common.sh"
printf '%s\n' '#include <map>' '#include <regex>' '#include <string>' \
    'int main(int n, char **v) { std::map<std::string, int> m; std::regex r(v[0]); m["a"] = n; return std::regex_match(v[0], r) + m.size(); }' >a.cpp
ready
while goes_on; do g++ -O2 -g -c a.cpp -o a.o; done
