/** Tables of data: the first row names the columns, by which they are sorted; long ones come in pages. */
import { useState } from "react";
import type { Json } from "../types";
import { Rich } from "./Rich";

const PAGE_SIZE = 10;

/** What a cell is sorted by. */
function rank(cell: Json | undefined): string | number {
  if (cell?.type === "raw_number") return Number(cell.value);
  return cell?.type === "rich_text" ? JSON.stringify(cell.elements) : String(cell?.text ?? "");
}

function compare(one: string | number, other: string | number): number {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return String(one).localeCompare(String(other), undefined, { numeric: true });
}

function Cell({ cell }: { cell: Json }) {
  return cell.type === "rich_text" ? <Rich elements={cell.elements} /> : <>{cell.text ?? cell.value}</>;
}

/** A data_table block. */
export function DataTable({ block }: { block: Json }) {
  const [sorted, setSorted] = useState<{ column: number; down: boolean } | null>(null);
  const [page, setPage] = useState(0);
  const [head, ...rows] = block.rows as Json[][];
  const size = Number(block.page_size ?? PAGE_SIZE);
  const pages = Math.max(1, Math.ceil(rows.length / size));
  const at = Math.min(page, pages - 1);
  const order = sorted
    ? [...rows].sort((a, b) => compare(rank(a[sorted.column]), rank(b[sorted.column])) * (sorted.down ? -1 : 1))
    : rows;
  const sort = (column: number) => {
    setPage(0);
    setSorted(sorted?.column === column ? (sorted.down ? null : { column, down: true }) : { column, down: false });
  };
  return (
    <div className="bk-data">
      <div className="table" tabIndex={0} role="group" aria-label={block.caption}>
        <table>
          <caption>{block.caption}</caption>
          <thead>
            <tr>
              {head.map((cell, column) => {
                const way = sorted?.column === column ? (sorted.down ? "descending" : "ascending") : undefined;
                return (
                  <th key={column} scope="col" aria-sort={way}>
                    <button type="button" onClick={() => sort(column)}>
                      <Cell cell={cell} /> <span aria-hidden="true">{way ? (sorted?.down ? "▾" : "▴") : ""}</span>
                    </button>
                  </th>
                );
              })}
            </tr>
          </thead>
          <tbody>
            {order.slice(at * size, (at + 1) * size).map((row, index) => (
              <tr key={index}>
                {row.map((cell, column) =>
                  column === block.row_header_column_index ? (
                    <th key={column} scope="row">
                      <Cell cell={cell} />
                    </th>
                  ) : (
                    <td key={column} className={cell.type === "raw_number" ? "text-right" : undefined}>
                      <Cell cell={cell} />
                    </td>
                  ),
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {pages > 1 && (
        <div className="pages">
          <button type="button" className="bk-button" disabled={at === 0} onClick={() => setPage(at - 1)}>
            Previous
          </button>
          <span role="status">{`Page ${at + 1} of ${pages}`}</span>
          <button type="button" className="bk-button" disabled={at === pages - 1} onClick={() => setPage(at + 1)}>
            Next
          </button>
        </div>
      )}
    </div>
  );
}
