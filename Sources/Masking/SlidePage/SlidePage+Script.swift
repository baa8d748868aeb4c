extension SlidePage {
    /// Draws the levels of the picture, the probabilities and the outlines, and keeps the numbers for the threshold.
    static let script = #"""
        "use strict";
        const data = JSON.parse(document.getElementById("data").textContent);
        const { width, height, microns } = data.image, { map, shapes } = data;
        const canvas = document.querySelector("canvas"), context = canvas.getContext("2d");
        const find = id => document.getElementById(id);
        const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
        const view = { x: width / 2, y: height / 2, zoom: 1, threshold: data.threshold };
        const shown = { probabilities: true, outlines: true, tissue: true, unreadable: true };

        // Shapes, in squares of 512 pixels by their first corner.
        const square = 512, squares = new Map(), items = [];
        const shapeCounts = new Float64Array(1002), shapeAreas = new Float64Array(1002);
        (function read() {
          const input = bytes(shapes.bytes);
          let place = 0, x = 0, y = 0;
          const next = () => {
            let value = 0, factor = 1, byte;
            do { byte = input[place++]; value += (byte & 127) * factor; factor *= 128; } while (byte > 127);
            return value % 2 ? -(value + 1) / 2 : value / 2;
          };
          for (let index = 0; index < shapes.count; index++) {
            x += next(); y += next();
            const item = { x, y, probability: next(), area: next() / 10, rings: [] };
            let px = x, py = y;
            for (let rings = next(); rings > 0; rings--) {
              const count = next(), ring = new Int32Array(2 * count);
              for (let i = 0; i < count; i++) { ring[2 * i] = px += next(); ring[2 * i + 1] = py += next(); }
              item.rings.push(ring);
            }
            items.push(item);
            const key = Math.floor(x / square) + "," + Math.floor(y / square);
            if (!squares.has(key)) squares.set(key, []);
            squares.get(key).push(item);
            shapeCounts[item.probability]++;
            shapeAreas[item.probability] += item.area;
          }
        })();
        const diameter = Math.sqrt(items.reduce((sum, item) => sum + item.area, 0) / Math.max(1, items.length));
        const largest = Math.sqrt(items.reduce((most, item) => Math.max(most, item.area), 0)) * 2 + 64;

        // Probabilities as an image with a pixel for each cell.
        const values = map && bytes(map.values), cells = new Float64Array(256);
        const overlay = document.createElement("canvas");
        if (map) {
          overlay.width = map.columns; overlay.height = map.rows;
          for (const value of values) cells[value]++;
        }
        const above = () => 3 + Math.floor(view.threshold * 252) + 1;
        function color() {
          if (!map) return;
          const table = new Uint32Array(256), image = new ImageData(map.columns, map.rows);
          for (let value = above(); value < 256; value++) {
            const [r, g, b] = data.colors[Math.round((value - 3) / 252 * 255)];
            table[value] = (64 + (value >> 2) << 24 | b << 16 | g << 8 | r) >>> 0;
          }
          table[1] = 0xb4ff00ff;
          const pixels = new Uint32Array(image.data.buffer);
          for (let i = 0; i < values.length; i++) pixels[i] = table[values[i]];
          overlay.getContext("2d").putImageData(image, 0, 0);
        }

        let requested = false;
        const request = () => { if (!requested) { requested = true; requestAnimationFrame(draw); } };
        const path = rings => {
          const result = new Path2D();
          for (const ring of rings) {
            for (let i = 0; i < ring.length; i += 2) result[i ? "lineTo" : "moveTo"](ring[i], ring[i + 1]);
            result.closePath();
          }
          return result;
        };
        const tissue = path(data.tissue), unreadable = path(data.unreadable);

        function draw() {
          requested = false;
          const ratio = window.devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight;
          if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(h * ratio)) {
            canvas.width = Math.round(w * ratio); canvas.height = Math.round(h * ratio);
          }
          const { zoom } = view, left = view.x - w / 2 / zoom, top = view.y - h / 2 / zoom;
          const right = left + w / zoom, bottom = top + h / zoom;
          context.setTransform(1, 0, 0, 1, 0, 0);
          context.clearRect(0, 0, canvas.width, canvas.height);
          context.setTransform(ratio * zoom, 0, 0, ratio * zoom, -left * zoom * ratio, -top * zoom * ratio);
          drawPicture(left, top, right, bottom, zoom * ratio);
          if (map && shown.probabilities) {
            context.imageSmoothingEnabled = false;
            context.drawImage(overlay, 0, 0, width, height);
          }
          const stroke = (path, color, size) => {
            context.strokeStyle = color; context.lineWidth = size / zoom; context.stroke(path);
          };
          if (shown.outlines) drawShapes(left, top, right, bottom, stroke);
          if (shown.tissue) stroke(tissue, "#009e73", 2);
          if (shown.unreadable) { context.fillStyle = "rgba(255, 0, 255, 0.4)"; context.fill(unreadable); }
          drawScale(ratio, h);
        }

        // Coarse levels first: they fill the place until finer tiles are decoded.
        function drawPicture(left, top, right, bottom, zoom) {
          const levels = data.picture.levels;
          context.imageSmoothingEnabled = zoom < 2 * levels[0].width / width;
          for (let index = levels.length - 1; index >= 0; index--) {
            const level = levels[index], sx = width / level.width, sy = height / level.height;
            const columns = Math.ceil(level.width / 256), rows = Math.ceil(level.height / 256);
            level.images = level.images || [];
            for (let y = Math.max(0, Math.floor(top / sy / 256)); y < Math.min(rows, bottom / sy / 256); y++)
              for (let x = Math.max(0, Math.floor(left / sx / 256)); x < Math.min(columns, right / sx / 256); x++) {
                const place = y * columns + x;
                let image = level.images[place];
                if (!image) {
                  image = level.images[place] = new Image();
                  image.onload = request;
                  image.src = "data:image/jpeg;base64," + level.tiles[place];
                }
                if (image.complete && image.naturalWidth)
                  context.drawImage(image, x * 256 * sx, y * 256 * sy, image.width * sx, image.height * sy);
              }
            if (1 / sx >= zoom) break;
          }
        }

        function drawShapes(left, top, right, bottom, stroke) {
          const seen = [], limit = Math.round(view.threshold * 1000);
          for (let y = Math.floor((top - largest) / square); y <= (bottom + largest) / square; y++)
            for (let x = Math.floor((left - largest) / square); x <= (right + largest) / square; x++)
              for (const item of squares.get(x + "," + y) || [])
                if (!shapes.haveProbabilities || item.probability >= limit) seen.push(item);
          if (diameter * view.zoom < 3.5) {
            context.fillStyle = "#e69f00";
            const size = 1.5 / view.zoom, step = Math.ceil(seen.length / 100000);
            for (let i = 0; i < seen.length; i += step) context.fillRect(seen[i].x, seen[i].y, size, size);
            return;
          }
          const lines = new Path2D();
          for (const item of seen) {
            if (!item.path) {
              item.path = path(item.rings);
              if (!item.rings.length) item.path.arc(item.x, item.y, Math.sqrt(item.area / Math.PI), 0, 7);
            }
            lines.addPath(item.path);
          }
          stroke(lines, "#e69f00", 1.5);
        }

        function drawScale(ratio, h) {
          if (!microns) return;
          const size = microns.x / view.zoom, lengths = [];
          for (let power = 0; power < 6; power++) for (const digit of [1, 2, 5]) lengths.push(digit * 10 ** power);
          const length = lengths.filter(one => one / size <= 160).pop();
          if (!length) return;
          context.setTransform(ratio, 0, 0, ratio, 0, 0);
          context.fillStyle = "#fff"; context.fillRect(10, h - 34, length / size + 12, 26);
          context.fillStyle = "#000"; context.fillRect(16, h - 14, length / size, 3);
          context.font = "12px sans-serif";
          context.fillText(length >= 1000 ? length / 1000 + " mm" : length + " µm", 16, h - 19);
        }

        // Numbers for the threshold.
        const digits = (value, count) => value.toLocaleString("en", { maximumSignificantDigits: count });
        function fill(table, rows) {
          table.replaceChildren(...rows.map(([name, value]) => {
            const row = document.createElement("tr");
            for (const [kind, text] of [["th", name], ["td", value]])
              row.appendChild(document.createElement(kind)).textContent = text;
            return row;
          }));
        }
        function count() {
          const rows = [], area = microns && microns.x * microns.y / 1e6;
          let number = 0, pixels = 0;
          for (let p = shapes.haveProbabilities ? Math.round(view.threshold * 1000) : 0; p < 1002; p++) {
            number += shapeCounts[p]; pixels += shapeAreas[p];
          }
          const name = data.shapeName;
          rows.push([name, number === shapes.count ? digits(number, 9) : digits(number, 9) + " of " + digits(shapes.count, 9)]);
          if (area) rows.push(["area of " + name, digits(pixels * area, 4) + " mm²"]);
          if (data.processedSquareMillimeters > 0 && name === "nuclei")
            rows.push([name + " per mm²", digits(number / data.processedSquareMillimeters, 4)]);
          if (map) {
            let over = 0, all = 0;
            for (let value = 3; value < 256; value++) { all += cells[value]; if (value >= above()) over += cells[value]; }
            const cell = width * height / values.length;
            rows.push(["cells above", digits(100 * over / Math.max(1, all), 3) + " % of those predicted"]);
            if (area) rows.push(["area of cells above", digits(over * cell * area, 4) + " mm²"]);
          }
          fill(find("counts"), rows);
          find("slider").querySelector("output").textContent = view.threshold.toFixed(2);
        }

        // The view, the address and the controls.
        const fitting = () => Math.min(canvas.clientWidth / width, canvas.clientHeight / height) * 0.98;
        function show(next) {
          Object.assign(view, next);
          view.zoom = Math.min(Math.max(view.zoom, Math.min(fitting() / 2, 1)), 16);
          view.x = Math.min(Math.max(view.x, 0), width); view.y = Math.min(Math.max(view.y, 0), height);
          clearTimeout(show.timer);
          show.timer = setTimeout(() => {
            const { x, y, zoom, threshold } = view;
            location.replace(`#${x.toFixed(0)},${y.toFixed(0)},${zoom.toPrecision(4)},${threshold}`);
          }, 250);
          request();
        }
        const fit = () => show({ x: width / 2, y: height / 2, zoom: fitting() });
        /// Zooms so that the pixel under a place of the canvas stays there.
        function zoomAt(factor, px = canvas.clientWidth / 2, py = canvas.clientHeight / 2) {
          const dx = px - canvas.clientWidth / 2, dy = py - canvas.clientHeight / 2;
          const x = view.x + dx / view.zoom, y = view.y + dy / view.zoom, zoom = Math.min(view.zoom * factor, 16);
          show({ zoom, x: x - dx / zoom, y: y - dy / zoom });
        }
        function threshold(value) { view.threshold = value; color(); count(); show({}); }
        const pointers = new Map();
        canvas.onpointerdown = event => { canvas.setPointerCapture(event.pointerId); pointers.set(event.pointerId, event); };
        canvas.onpointerup = canvas.onpointercancel = event => pointers.delete(event.pointerId);
        canvas.onpointermove = event => {
          const last = pointers.get(event.pointerId);
          if (!last) return;
          const other = [...pointers.values()].find(pointer => pointer.pointerId !== event.pointerId);
          if (other) {
            const distance = one => Math.hypot(one.offsetX - other.offsetX, one.offsetY - other.offsetY);
            zoomAt(distance(event) / Math.max(1, distance(last)), other.offsetX, other.offsetY);
          } else {
            show({ x: view.x - (event.offsetX - last.offsetX) / view.zoom,
                   y: view.y - (event.offsetY - last.offsetY) / view.zoom });
          }
          pointers.set(event.pointerId, event);
        };
        canvas.addEventListener("wheel", event => {
          event.preventDefault();
          zoomAt(2 ** (-event.deltaY / 300), event.offsetX, event.offsetY);
        }, { passive: false });
        canvas.ondblclick = event => zoomAt(2, event.offsetX, event.offsetY);
        canvas.onkeydown = event => {
          const step = 60 / view.zoom;
          const actions = { "+": () => zoomAt(1.5), "-": () => zoomAt(1 / 1.5), "0": fit,
            ArrowLeft: () => show({ x: view.x - step }), ArrowRight: () => show({ x: view.x + step }),
            ArrowUp: () => show({ y: view.y - step }), ArrowDown: () => show({ y: view.y + step }) };
          if (actions[event.key]) { event.preventDefault(); actions[event.key](); }
        };
        find("in").onclick = () => zoomAt(1.5);
        find("out").onclick = () => zoomAt(1 / 1.5);
        find("fit").onclick = fit;

        document.title = data.title + " - nuclei";
        document.querySelector("h1").textContent = data.title;
        for (const [id, lines] of [["warnings", data.warnings], ["hints", data.hints]])
          for (const line of lines) find(id).appendChild(document.createElement("li")).textContent = line;
        const present = { probabilities: map, outlines: shapes.count, tissue: data.tissue.length,
          unreadable: data.unreadable.length };
        for (const name of Object.keys(shown).filter(name => present[name])) {
          const label = find("controls").appendChild(document.createElement("label"));
          const box = label.appendChild(document.createElement("input"));
          box.type = "checkbox"; box.checked = true;
          box.onchange = () => { shown[name] = box.checked; request(); };
          label.append(" " + (name === "outlines" ? data.shapeName : name));
        }
        const slider = find("slider").querySelector("input");
        find("slider").hidden = !map && !shapes.haveProbabilities;
        slider.oninput = () => threshold(Number(slider.value));
        fill(find("facts"), data.facts.map(({ name, value }) => [name, value]));
        const address = location.hash.slice(1).split(",").map(Number);
        if (address.length === 4 && address.every(Number.isFinite)) {
          view.threshold = Math.min(Math.max(address[3], 0), 1);
          show({ x: address[0], y: address[1], zoom: address[2] });
        } else { fit(); }
        slider.value = view.threshold;
        color(); count();
        window.onresize = request;
        """#
}
