import Mustache

extension Page {
    /// Two braces escape what they insert; three insert only what this module made: style sheet and data addresses.
    /// The template is a constant that parses, which tests see to.
    static let template = try! MustacheTemplate(
        string: """
            <!DOCTYPE html>
            <html lang="en" xmlns="http://www.w3.org/1999/xhtml">
            <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <title>{{title}}</title>
            <style>{{{style}}}</style>
            </head>
            <body>
            <header>
            <h1>{{title}}</h1>
            <p class="subtitle">{{subtitle}}</p>
            <dl class="headline">
            {{#headline}}
            <div><dd>{{value}}</dd><dt>{{name}}</dt></div>
            {{/headline}}
            </dl>
            {{#problem}}
            <p class="problem">{{problem}}</p>
            {{/problem}}
            </header>
            <main>
            {{#sections}}
            <section>
            <h2>{{title}}</h2>
            {{#blocks}}
            {{#text}}
            <p>{{text}}</p>
            {{/text}}
            {{#list}}
            <ul>{{#lines}}<li>{{.}}</li>{{/lines}}</ul>
            {{/list}}
            {{#table}}
            <table>
            <caption>{{caption}}</caption>
            <thead><tr>{{#header}}<th scope="col">{{.}}</th>{{/header}}</tr></thead>
            <tbody>
            {{#rows}}
            <tr>{{#cells}}<td>{{.}}</td>{{/cells}}</tr>
            {{/rows}}
            </tbody>
            </table>
            {{/table}}
            {{#figures}}
            <div class="figures">
            {{#all}}
            <figure>
            {{#source}}
            <img src="{{{source}}}" alt="{{alt}}"/>
            {{/source}}
            {{#numbers}}
            <table>
            <caption>{{caption}}</caption>
            <thead><tr>{{#header}}<th scope="col">{{.}}</th>{{/header}}</tr></thead>
            <tbody>
            {{#rows}}
            <tr>{{#cells}}<td>{{.}}</td>{{/cells}}</tr>
            {{/rows}}
            </tbody>
            </table>
            {{/numbers}}
            <figcaption>{{caption}}</figcaption>
            </figure>
            {{/all}}
            </div>
            {{/figures}}
            {{#pictures}}
            <div class="pictures">
            {{#all}}
            <figure><img src="{{{source}}}" alt="{{alt}}"/><figcaption>{{#lines}}<span>{{.}}</span>{{/lines}}</figcaption></figure>
            {{/all}}
            </div>
            {{/pictures}}
            {{/blocks}}
            </section>
            {{/sections}}
            </main>
            </body>
            </html>

            """)

    static let style = """
        :root { color: #1b1f24; background: #fff; font: 16px/1.5 system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif; }
        body { max-width: 72rem; margin: 0 auto; padding: 2rem 1.5rem 4rem; }
        h1 { font-size: 1.7rem; line-height: 1.2; margin: 0; }
        h2 { font-size: 1.2rem; margin: 2.6rem 0 .6rem; padding-bottom: .3rem; border-bottom: 1px solid #d5d9de; }
        p { max-width: 46rem; margin: .5rem 0; }
        .subtitle { color: #57606a; margin-top: .3rem; }
        .problem { background: #fff4e0; border-left: 4px solid #E69F00; padding: .5rem .8rem; }
        .headline { display: flex; flex-wrap: wrap; gap: 1rem 2.4rem; margin: 1.4rem 0 0; }
        .headline dd { margin: 0; font-size: 1.9rem; font-weight: 600; font-variant-numeric: tabular-nums; }
        .headline dt { color: #57606a; font-size: .9rem; }
        .headline div { display: flex; flex-direction: column; }
        table { border-collapse: collapse; margin: 1rem 0; font-size: .92rem; font-variant-numeric: tabular-nums; }
        caption { text-align: left; color: #57606a; padding-bottom: .3rem; }
        th, td { text-align: right; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #e6e9ed; vertical-align: top; }
        th { font-weight: 600; }
        th:first-child, td:first-child { text-align: left; }
        figure { margin: 0; }
        figcaption { color: #57606a; font-size: .88rem; max-width: 38rem; }
        .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)); gap: 1.6rem; margin: 1rem 0; }
        .figures img { width: 100%; max-height: 26rem; object-fit: contain; object-position: left; }
        .pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 1rem; margin: 1rem 0; }
        .pictures img { width: 100%; display: block; border: 1px solid #d5d9de; }
        .pictures figcaption { font-size: .78rem; line-height: 1.35; margin-top: .3rem; overflow-wrap: anywhere; }
        .pictures span { display: block; }
        ul { max-width: 50rem; padding-left: 1.2rem; }
        @media (max-width: 32rem) { .figures { grid-template-columns: 1fr; } }
        @media print {
          :root { font-size: 11px; }
          body { max-width: none; padding: 0; }
          section, figure, tr { break-inside: avoid; }
          h2 { break-after: avoid; }
          .figures { grid-template-columns: 1fr 1fr; }
          .pictures { grid-template-columns: repeat(6, 1fr); }
        }
        """
}
