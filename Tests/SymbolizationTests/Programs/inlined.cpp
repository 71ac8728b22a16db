#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace shapes {
struct Shape {
    virtual ~Shape() = default;
    virtual double area() const = 0;
};
template <typename Number> struct Square : Shape {
    Number side;
    explicit Square(Number side) : side(side) {}
    double area() const override { return scaled(side) * side; }
    Number scaled(Number by) const { return by > 3 ? by * 2 : by; }
};
namespace {
struct Hidden : Shape {
    double area() const override { return 1.5; }
};
}
}

template <typename Container> static auto total(const Container &shapes) {
    return std::accumulate(shapes.begin(), shapes.end(), 0.0, [](double sum, const auto &shape) {
        if (!shape)
            throw std::runtime_error("no shape");
        return sum + shape->area();
    });
}

int main(int argc, char **argv) {
    std::vector<std::unique_ptr<shapes::Shape>> all;
    std::map<std::string, int> names;
    for (int i = 0; i < argc + 5; i++) {
        if (i % 2)
            all.push_back(std::make_unique<shapes::Square<double>>(i));
        else
            all.emplace_back(new shapes::Square<int>(i));
        names["number " + std::to_string(i)]++;
    }
    all.push_back(std::make_unique<shapes::Hidden>());
    std::sort(all.begin(), all.end(), [](const auto &a, const auto &b) { return a->area() < b->area(); });
    try {
        std::printf("%f %zu\n", total(all), names.size());
    } catch (const std::exception &error) {
        std::puts(error.what());
    }
}
