import Testing

@testable import Collector

struct ConfigurationPrinterTests {
    @Test(arguments: [
        "a: 'true'\nb: true\nc: '123'\nd: 0123\ne: ''\nf: ~\ng: '~'\nh: 'yes'\n",
        "a: {}\nb: []\nc: [1, [2, {d: e}]]\n", "a: |\n  two\n  lines\n", "a: 'x: y # z'\n'true': 1\n'1': 2\n",
        "a: '- x'\nb: '[a]'\nc: ' space '\nd: \"tab\\t\"\ne: .inf\nf: '!x'\ng: '&x'\nh: '*x'\ni: '0x1F'\n",
    ])
    func readsBackWhatItWrites(yaml: String) throws {
        let root = try YAMLDocument.parse(yaml)
        let text = try root.yaml()
        #expect(try YAMLDocument.parse(text).json() == root.json(), "\(text)")
    }
}
