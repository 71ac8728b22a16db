// main > sort_outer > std::… > sort_compare: a callback out of instantiated library templates.
#include "proof.h"

#include <algorithm>
#include <vector>

CHAIN bool sort_compare(int left, int right) {
    proof_burn();
    return left < right;
}

CHAIN int sort_outer(std::vector<int> &values) {
    while (proof_running()) {
        for (size_t index = 0; index < values.size(); index++)
            values[index] = int((index * 7919) % values.size());
        std::sort(values.begin(), values.end(), sort_compare);
    }
    return values[0];
}

int main(int argument_count, char **arguments) {
    std::vector<int> values(48);
    proof_begin(argument_count, arguments);
    proof_ready();
    return sort_outer(values) != 0;
}
