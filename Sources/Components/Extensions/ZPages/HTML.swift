/// The little HTML that the pages are made of. Everything but markup is escaped here.
enum HTML {
    static func escaped(_ text: String) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }

    /// For the query of a URL: everything but letters, digits and a few signs as percent codes.
    static func queryEscaped(_ text: String) -> String {
        text.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                String(UnicodeScalar(byte))
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
    }

    /// - Parameters:
    ///   - rows: Cells as markup.
    static func table(_ head: [String], _ rows: [[String]]) -> String {
        var text = "<table>\n"
        if !head.isEmpty {
            text += "<tr>" + head.map { "<th>\(escaped($0))</th>" }.joined() + "</tr>\n"
        }
        for row in rows { text += "<tr>" + row.map { "<td>\($0)</td>" }.joined() + "</tr>\n" }
        return text + "</table>\n"
    }

    static func page(_ title: String, links: [(title: String, path: String)], _ body: String) -> String {
        let navigation = links.map { link in
            link.title == title
                ? "<b>\(escaped(link.title))</b>" : "<a href=\"\(escaped(link.path))\">\(escaped(link.title))</a>"
        }.joined(separator: "\n")
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>otelcol: \(escaped(title))</title>
            <style>\(style)</style>
            </head>
            <body>
            <nav>
            \(navigation)
            </nav>
            <main>
            <h1>\(escaped(title))</h1>
            \(body)
            </main>
            </body>
            </html>

            """
    }

    private static let style = """
        :root { color-scheme: light dark; --line: #8884; --dim: #888; --accent: #2a6fc9; }
        body { margin: 0; font: 15px/1.5 system-ui, sans-serif; }
        nav { display: flex; flex-wrap: wrap; gap: 1.2em; padding: .7em 1.5em; border-bottom: 1px solid var(--line); }
        main { padding: .5em 1.5em 3em; max-width: 75em; }
        h1 { font-size: 1.4em; } h2 { font-size: 1.1em; margin-top: 1.8em; }
        a { color: var(--accent); text-decoration: none; } a:hover { text-decoration: underline; }
        table { border-collapse: collapse; } main > table { min-width: 30em; }
        th, td { text-align: left; vertical-align: top; padding: .35em 1.6em .35em 0; }
        tr { border-bottom: 1px solid var(--line); }
        th { font-weight: 600; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
        .dim { color: var(--dim); } .good { color: #2a8a3e; } .bad { color: #c33; font-weight: 600; }
        code { font-size: .93em; }
        """
}
