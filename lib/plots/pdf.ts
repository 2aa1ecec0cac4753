/**
 * A figure as PDF, for papers.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import type { Figure } from "./figure.ts";

/** What is used of PDFKit, which comes without types. */
interface PdfDocument {
  on(event: "data", listener: (chunk: Uint8Array) => void): void;
  on(event: "end", listener: () => void): void;
  end(): void;
}

type PdfKit = new (options: Record<string, unknown>) => PdfDocument;
type SvgToPdf = (document: PdfDocument, svg: string, x: number, y: number) => void;

/** A CSS pixel in the points of a PDF. */
const POINTS = 0.75;

/**
 * Draws the figure as one page of its size: vectors, but for digits' pixels, and no fonts, as
 * words that can't be seen are left out.
 *
 * @returns The same bytes for the same figure.
 */
export async function toPdf({ svg, width, height, label }: Figure): Promise<Uint8Array> {
  const require = createRequire(import.meta.url);
  const PDFDocument: PdfKit = require("pdfkit");
  const draw: SvgToPdf = require("svg-to-pdfkit");
  const document = new PDFDocument({
    size: [POINTS * width, POINTS * height],
    margin: 0,
    font: null, // by default it names Helvetica, which publishers refuse as it is not embedded
    info: { Title: label, CreationDate: new Date(0) },
  });
  const chunks: Uint8Array[] = [];
  document.on("data", (chunk) => chunks.push(chunk));
  const ended = new Promise<void>((resolve) => document.on("end", resolve));
  draw(document, svg, 0, 0);
  document.end();
  await ended;
  return new Uint8Array(Buffer.concat(chunks));
}
