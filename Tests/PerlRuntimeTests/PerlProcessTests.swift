import Glibc
import LiveSupport
import Processes
import Testing

@testable import PerlRuntime

/// Names against the Perl that has them.
@Suite struct PerlProcessTests {
    /// Reads its own memory for the addresses of what its symbols have: HEK and stash of each.
    private static let script = """
        use utf8;
        $| = 1;
        binmode STDOUT, ':utf8';
        package Maß; sub größe {} package Ω::Inner; sub 测量 {} package Plain; sub f {} package main; sub g {}
        *Renamed:: = *Plain::;
        sub word { return unpack('Q', unpack('P8', pack('Q', $_[0]))) }
        for my $glob (\\*Maß::größe, \\*Ω::Inner::测量, \\*Plain::f, \\*main::g) {
            my $body = word(0 + $glob);
            my ($name, $stash) = (word($body + 0x20), word($body + 0x28));
            print join(' ', $$, ($] =~ /5.0(..)/), $name, $stash, *$glob{PACKAGE}, *$glob{NAME}), "\\n";
        }
        print "end\\n";
        sleep 3600;
        """

    private static let perls: [(name: String, command: [String])] = {
        var found = [(name: "perl", command: ["/usr/bin/perl"])]
        for name in ["perl5.32", "perl5.36", "perl5.40", "perl5.42"] {
            if let command = TestBed.command(runtime: name, ["perl"]) { found.append((name, command)) }
        }
        return found
    }()

    @Test(.enabled(if: try Live.has(.path("/usr/bin/perl"))), arguments: perls.map(\.name))
    func namesAreWhatPerlSays(_ name: String) async throws {
        let perl = try #require(Self.perls.first { $0.name == name })
        let child = try ChildProcess(perl.command + ["-e", Self.script])
        var rows: [[String]] = []
        while let line = try await onThread({ try child.readLine() }), line != "end" {
            rows.append(line.split(separator: " ").map(String.init))
        }
        let pid = try #require(rows.first.flatMap { Int32($0[0]) })
        defer { kill(pid, SIGKILL) }
        var names: [String] = []
        for row in rows {
            let version = try #require(UInt8(row[1]))
            let layout = try #require(PerlLayout(PerlVersion(revision: 5, version: version, subversion: 0)))
            let strings = PerlStrings(memory: RemoteMemory(pid: pid), layout: layout)
            let found = strings.name(at: try #require(UInt64(row[2])))?.text
            let package = strings.package(at: try #require(UInt64(row[3])))
            #expect(found == row[5] && package == row[4], "\(row)")
            names.append("\(row[4])::\(row[5])")
        }
        #expect(names == ["Maß::größe", "Ω::Inner::测量", "Plain::f", "main::g"])
    }
}
