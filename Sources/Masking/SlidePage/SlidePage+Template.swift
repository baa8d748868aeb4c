extension SlidePage {
    /// The page around its content. A policy forbids all requests; texts reach the page only through the script.
    static func page(data: String) -> String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy"
          content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Nuclei</title>
        <style>\(style)</style>
        </head>
        <body>
        <main><canvas tabindex="0" aria-label="Image with probabilities and outlines"></canvas>
        <div class="buttons"><button id="in" title="Zoom in (+)">+</button><button id="out" title="Zoom out (-)">−</button
        ><button id="fit" title="Whole image (0)">fit</button></div></main>
        <aside>
        <h1></h1>
        <ul id="warnings"></ul>
        <section id="controls"></section>
        <label id="slider" hidden>Threshold <output></output><input type="range" min="0" max="1" step="0.01"></label>
        <table id="counts"></table>
        <h2>Mask</h2>
        <table id="facts"></table>
        <ul id="hints"></ul>
        <p>Drag to move, scroll to zoom. The address of the page keeps the view.</p>
        </aside>
        <script type="application/json" id="data">\(data)</script>
        <script>\(script)</script>
        </body>
        </html>

        """
    }

    private static let style = """
        :root { font: 15px/1.45 system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', sans-serif; color: #1f2328; }
        * { box-sizing: border-box; }
        body { margin: 0; display: flex; height: 100vh; }
        main { flex: 1; position: relative; min-width: 0; background: #eaeef2; }
        canvas { width: 100%; height: 100%; display: block; touch-action: none; cursor: grab; }
        .buttons { position: absolute; left: 12px; top: 12px; display: flex; gap: 4px; }
        button { font: inherit; min-width: 2.1rem; padding: .1rem .5rem; border: 1px solid #8c959f; border-radius: 4px;
          background: #fff; cursor: pointer; }
        aside { width: 21rem; overflow-y: auto; padding: 1rem 1.2rem; border-left: 1px solid #d0d7de; }
        h1 { font-size: 1.15rem; margin: 0 0 .6rem; overflow-wrap: anywhere; }
        h2 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
        label { display: block; margin: .25rem 0; }
        input[type=range] { width: 100%; }
        output { font-weight: 600; }
        table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
        th, td { text-align: left; vertical-align: top; padding: .2rem .4rem .2rem 0; border-bottom: 1px solid #e3e6ea;
          font-weight: 400; overflow-wrap: anywhere; }
        th { color: #57606a; width: 45%; }
        ul { padding-left: 1.1rem; font-size: .9rem; }
        ul:empty { display: none; }
        #warnings { background: #fff6e5; border-left: 4px solid #E69F00; padding: .5rem .5rem .5rem 1.6rem; }
        p { color: #57606a; font-size: .85rem; }
        @media (max-width: 50rem) { body { flex-direction: column; } aside { width: auto; max-height: 45vh; } }
        """
}
