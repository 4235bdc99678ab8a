"""From trained weights to a zoo entry: exact graphs, float graphs, tables, known answers, card."""
