import Mustache

extension Page {
    private static let table = """
        <table>
        <caption>{{caption}}</caption>
        <thead><tr>{{#header}}<th scope="col" class="{{kind}}">{{text}}</th>{{/header}}</tr></thead>
        <tbody>
        {{#rows}}
        <tr><th scope="row" class="{{kind}}">{{name}}</th>{{#cells}}<td class="{{kind}}" style="{{shade}}">{{text}}</td>{{/cells}}</tr>
        {{/rows}}
        </tbody>
        </table>
        {{#more}}
        <p class="more">{{more}}</p>
        {{/more}}
        """

    private static let picture = """
        <figure class="picture">
        {{#address}}<img src="{{{address}}}" alt="{{name}}" width="128" height="128"/>{{/address}}
        {{^address}}<div class="unseen">no picture</div>{{/address}}
        <figcaption><strong title="{{name}}">{{name}}</strong>{{#lines}}<span>{{.}}</span>{{/lines}}</figcaption>
        </figure>
        """

    private static let figure = """
        <figure class="chart {{shape}}">
        <h3>{{name}}</h3>
        {{#drawing}}
        <div class="drawing" role="img" aria-label="{{alt}}">{{{drawing}}}</div>
        {{/drawing}}
        {{#nothing}}
        <p class="more">{{nothing}}</p>
        {{/nothing}}
        <figcaption>{{caption}}</figcaption>
        {{#numbers}}
        {{#isOpen}}<div class="numbers">\(table)</div>{{/isOpen}}
        {{^isOpen}}<details class="numbers"><summary>Numbers</summary>\(table)</details>{{/isOpen}}
        {{/numbers}}
        </figure>
        """

    /// The template of a page. Two braces escape their text with `Markup`; three insert only content that this module
    /// generates: style sheet, drawings and data URLs. The template is a constant, and tests check that it parses.
    static let template = try! MustacheTemplate(
        string: """
            {{% CONTENT_TYPE:\(Markup.name)}}
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
            {{^empty(headline)}}
            <dl class="headline">
            {{#headline}}
            <div><dt>{{name}}</dt><dd>{{value}}</dd></div>
            {{/headline}}
            </dl>
            {{/empty(headline)}}
            {{#problem}}
            <p class="problem">{{problem}}</p>
            {{/problem}}
            <nav aria-label="Sections">{{#sections}}<a href="#section{{place}}">{{title}}</a>{{/sections}}</nav>
            </header>
            <main>
            {{#sections}}
            <section id="section{{place}}">
            <h2>{{title}}</h2>
            {{#blocks}}
            {{#heading}}
            <h3>{{heading}}</h3>
            {{/heading}}
            {{#text}}
            <p>{{text}}</p>
            {{/text}}
            {{#list}}
            <ul>{{#lines}}<li>{{.}}</li>{{/lines}}</ul>
            {{/list}}
            {{#command}}
            <pre>{{command}}</pre>
            {{/command}}
            {{#tables}}
            <div class="tables">{{#all}}<div>\(table)</div>{{/all}}</div>
            {{/tables}}
            {{#figures}}
            <div class="charts {{shape}}">{{#all}}\(figure){{/all}}</div>
            {{/figures}}
            {{#pictures}}
            <div class="pictures">{{#all}}\(picture){{/all}}</div>
            {{/pictures}}
            {{#sets}}
            <div class="sets">{{#all}}<div class="set">{{#all}}\(picture){{/all}}</div>{{/all}}</div>
            {{/sets}}
            {{/blocks}}
            </section>
            {{/sections}}
            </main>
            </body>
            </html>

            """)
}
