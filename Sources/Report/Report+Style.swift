extension Report {
  /// The whole style sheet: light, dark and print from one set of names.
  static let style = """
    :root{color-scheme:light dark;--page:#f9f9f7;--card:#fff;--ink:#0b0b0b;--soft:#52514e;\
    --line:#dddcd6;--grid:#e9e8e3;--a:#2a78d6;--b:#eb6834;--c:#1baf7a;--d:#4a3aa7;--e:#eda100;\
    --good:#006300;--bad:#b3261e}
    @media(prefers-color-scheme:dark){:root{--page:#0d0d0d;--card:#1a1a19;--ink:#fff;\
    --soft:#c3c2b7;--line:#383835;--grid:#2c2c2a;--a:#3987e5;--b:#d95926;--c:#199e70;--d:#9085e9;\
    --e:#c98500;--good:#5fd068;--bad:#ff8a80}}
    *{box-sizing:border-box}
    body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
    main{max-width:62rem;margin:0 auto;padding:1rem}
    header,section,.tiles div{background:var(--card);border:1px solid var(--line);\
    border-radius:10px}
    header,section{padding:1rem 1.25rem;margin:0 0 1rem}
    header{border-left:6px solid var(--good)}header.failed{border-left-color:var(--bad)}
    h1{margin:.1rem 0 .4rem;font-size:2rem;color:var(--good)}.failed h1{color:var(--bad)}
    h2{margin:0 0 .25rem;font-size:1.15rem}h3{font-size:1rem;margin:1rem 0 .25rem}
    p{margin:.3rem 0}.name{color:var(--soft);overflow-wrap:anywhere}
    .note{color:var(--soft);font-size:.9rem;margin-bottom:.75rem}
    .tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:.5rem;\
    margin:0 0 1rem}
    .tiles div{padding:.5rem .75rem}dt{color:var(--soft);font-size:.8rem}
    dd{margin:0;font-size:1.25rem;font-variant-numeric:tabular-nums}
    svg{display:block;width:100%;height:auto;font:12px system-ui,sans-serif}
    svg text{fill:var(--soft)}svg .strong{fill:var(--ink)}
    .scroll{overflow-x:auto}
    .two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));\
    gap:0 1.5rem}
    .scroll svg{min-width:34rem}
    .legend{display:flex;flex-wrap:wrap;gap:.25rem 1rem;font-size:.85rem;color:var(--soft);\
    padding:0;margin:.5rem 0;list-style:none}
    .legend i{display:inline-block;width:.75rem;height:.75rem;border-radius:3px;margin-right:.35rem}
    table{border-collapse:collapse;width:100%;font-size:.85rem;font-variant-numeric:tabular-nums}
    th,td{text-align:left;padding:.2rem .5rem .2rem 0;border-bottom:1px solid var(--grid);\
    vertical-align:top;overflow-wrap:anywhere}
    td.n,th.n{text-align:right;white-space:nowrap}
    .facts th{white-space:nowrap;color:var(--soft);font-weight:400;width:6rem}
    .facts td{font-family:ui-monospace,monospace}
    .grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,17rem),1fr));gap:1rem}
    figure{margin:0;break-inside:avoid;border:1px solid var(--line);border-radius:8px;\
    overflow:hidden}
    figure img{display:block;width:100%;max-height:12rem;object-fit:cover;\
    image-rendering:auto;background:var(--grid)}
    figcaption{padding:.5rem .75rem;font-size:.8rem}
    figcaption table{font-size:.8rem;table-layout:fixed}
    figcaption td.n{width:3.2rem}
    .changed{color:var(--bad);font-weight:600}
    details summary{cursor:pointer;margin-top:.75rem}
    @media print{:root{--page:#fff;--card:#fff;--ink:#000;--soft:#333;--line:#bbb;--grid:#ddd;\
    --a:#2a78d6;--b:#eb6834;--good:#006300;--bad:#b3261e}
    *{print-color-adjust:exact;-webkit-print-color-adjust:exact}
    section,header{break-inside:avoid}.scroll{overflow:visible}.scroll svg{min-width:0}}
    """
}
