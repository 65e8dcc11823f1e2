/** The files of a message. */
import { useState } from "react";
import { size } from "../times";
import type { Json } from "../types";
import { fileAddress } from "../uploads";

const PICTURE = /^image\/(png|jpeg|gif|webp)$/;

/** Each file with its name, its kind and size, and a link to download it; pictures are shown. */
export function Files({ files }: { files: Json[] }) {
  return (
    <ul className="files">
      {files.map((file) => (
        <li key={file.id}>
          <OneFile file={file} />
        </li>
      ))}
    </ul>
  );
}

function OneFile({ file }: { file: Json }) {
  const [broken, setBroken] = useState(false);
  const name: string = file.title || file.name || file.id;
  const kind = (file.pretty_type || file.filetype || file.mimetype || "file").toString();
  const picture = PICTURE.test(file.mimetype ?? "") && !broken;
  return (
    <div className="file">
      {picture && (
        <a href={fileAddress(file, true)} target="_blank" rel="noopener noreferrer">
          <img
            src={fileAddress(file, true)}
            alt={file.alt_txt || name}
            loading="lazy"
            onError={() => setBroken(true)}
          />
        </a>
      )}
      <div className="about">
        <strong>{name}</strong>
        <small>
          {file.name && file.name !== name && `${file.name}, `}
          {kind}
          {typeof file.size === "number" && `, ${size(file.size)}`}
        </small>
        <a href={fileAddress(file)} download={file.name || name} aria-label={`Download ${name}`}>
          Download
        </a>
      </div>
    </div>
  );
}
