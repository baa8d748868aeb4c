extension Page {
    /// A light style sheet, the same on screen and paper, without characters that XML would need to escape.
    static let style = """
        :root { color-scheme: light; color: #1f2328; background: #fff;
          font: 16px/1.5 system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', sans-serif; }
        * { box-sizing: border-box; }
        body { max-width: 74rem; margin: 0 auto; padding: 2.2rem 1.8rem 4rem; }
        h1 { font-size: 1.75rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere; }
        h2 { font-size: 1.25rem; margin: 2.6rem 0 .8rem; padding-bottom: .35rem; border-bottom: 1px solid #d0d7de; }
        h3 { font-size: 1rem; margin: 1.2rem 0 .4rem; }
        .chart h3 { margin-top: 0; }
        p, ul { max-width: 48rem; margin: .5rem 0; overflow-wrap: anywhere; }
        ul { padding-left: 1.2rem; }
        li { margin: .2rem 0; }
        .subtitle { color: #57606a; margin-top: .35rem; }
        .problem { background: #fff6e5; border-left: 4px solid #E69F00; padding: .5rem .9rem; margin-top: 1.2rem; }
        .more { color: #57606a; font-size: .875rem; }
        pre { background: #f6f8fa; padding: .7rem .9rem; white-space: pre-wrap; overflow-wrap: anywhere;
          font: .85rem/1.5 ui-monospace, 'DejaVu Sans Mono', monospace; border-radius: 4px; }
        .headline { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1.4rem 0 0; }
        .headline div { flex: 1 1 10rem; padding: .7rem 1rem .8rem; background: #f6f8fa; border-left: 4px solid #0072B2;
          border-radius: 0 4px 4px 0; }
        .headline dt { color: #57606a; font-size: .875rem; }
        .headline dd { margin: 0; font-size: 1.9rem; line-height: 1.25; font-weight: 600; overflow-wrap: anywhere;
          font-variant-numeric: tabular-nums; }
        nav { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin-top: 1.3rem; font-size: .9rem; }
        a { color: #0a5a8c; }
        table { border-collapse: collapse; font-size: .9rem; line-height: 1.4; font-variant-numeric: tabular-nums; }
        caption { text-align: left; color: #57606a; padding-bottom: .4rem; }
        th, td { padding: .28rem .7rem; border-bottom: 1px solid #e3e6ea; vertical-align: top; text-align: left;
          overflow-wrap: break-word; }
        th:first-child, td:first-child { padding-left: 0; }
        thead th { border-bottom: 1px solid #8c959f; vertical-align: bottom; }
        tbody th { font-weight: 400; max-width: 24rem; }
        .number { text-align: right; }
        td.number { white-space: nowrap; }
        .tables { display: flex; flex-wrap: wrap; gap: 1.2rem 3.5rem; margin: 1rem 0; align-items: flex-start; }
        .tables div { max-width: 100%; overflow-x: auto; }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr));
          gap: 1.8rem 2.4rem; margin: 1rem 0; }
        .charts.square { grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); }
        .chart { margin: 0; max-width: 36rem; min-width: 0; }
        .chart.square { max-width: 25rem; }
        .chart.large { max-width: 48rem; }
        .drawing svg { display: block; width: 100%; height: auto; }
        .drawing text { font-family: system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', sans-serif; }
        figcaption { color: #57606a; font-size: .875rem; line-height: 1.45; margin-top: .3rem; }
        .numbers { margin-top: .4rem; font-size: .875rem; overflow-x: auto; }
        .numbers caption { position: absolute; clip-path: inset(50%); }
        summary { color: #0a5a8c; cursor: pointer; width: max-content; }
        .pictures, .sets { display: flex; flex-wrap: wrap; gap: 14px; margin: 1rem 0; align-items: flex-start; }
        .set { display: flex; flex-wrap: wrap; gap: .7rem; padding: .7rem; border: 1px solid #d0d7de; border-radius: 4px; }
        .picture { margin: 0; width: 128px; }
        .picture img, .unseen { display: block; width: 128px; height: 128px; border-radius: 2px; }
        .unseen { background: #eaeef2; color: #57606a; font-size: .8rem; text-align: center; line-height: 128px; }
        .picture figcaption { font-size: .78rem; line-height: 1.35; }
        .picture strong, .picture span { display: block; overflow-wrap: anywhere; }
        .picture strong { color: #1f2328; font-weight: 600; }
        @page { margin: 14mm; }
        @media print {
          :root { font-size: 11pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
          body { max-width: none; padding: 0; }
          nav, details { display: none; }
          h2, h3, section p { break-after: avoid; }
          .tables div, .numbers { overflow: visible; }
          .chart, .picture, .set, tr, .headline { break-inside: avoid; }
          .charts { grid-template-columns: 1fr 1fr; gap: 1rem 1.2rem; }
          .charts.square { grid-template-columns: 1fr 1fr 1fr; }
          .charts.large { grid-template-columns: 1fr; }
          .headline dd { font-size: 1.4rem; }
        }
        """
}
