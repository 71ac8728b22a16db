import ArgumentParser
import Collector

/// `components`: what this program is made of, as YAML.
struct ComponentsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "components", abstract: "Print the components and their stability as YAML.")

    func run() {
        print(
            components.description(of: programInformation, providers: configurationProviders), terminator: "")
    }
}
