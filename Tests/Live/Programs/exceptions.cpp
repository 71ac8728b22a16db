// main > proof::outer > proof::Chain<int>::middle<long> > proof::Guard::~Guard > proof::inner, the destructor called
// while an exception passes: from a landing pad, which the compiler puts into a cold part of the function.
#include "proof.h"

#include <stdexcept>
#include <string>
#include <vector>

namespace proof {

CHAIN int inner(const std::vector<std::string> &names) {
    proof_burn();
    return int(names.size());
}

struct Guard {
    const std::vector<std::string> &names;
    int &total;
    CHAIN ~Guard() { total += inner(names) + 1; }
};

CHAIN void fail(const std::string &why) { throw std::runtime_error(why); }

template <typename Number> struct Chain {
    template <typename Wide> CHAIN Wide middle(const std::vector<std::string> &names, int &total) {
        Guard guard{names, total};
        fail(names.front());
        return Wide(total);
    }
};

CHAIN int outer(const std::vector<std::string> &names) {
    int total = 0;
    while (proof_running()) {
        try {
            total += int(Chain<int>().middle<long>(names, total));
        } catch (const std::runtime_error &error) {
            total += error.what()[0];
        }
    }
    return total;
}

} // namespace proof

int main(int argument_count, char **arguments) {
    const std::vector<std::string> names{"first", "second"};
    proof_begin(argument_count, arguments);
    proof_ready();
    return proof::outer(names) == 0;
}
